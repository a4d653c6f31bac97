deployment=$(input deployment)
namespace=$(target_namespace)
variable=$(input variable LOG_LEVEL)
value=$(input value debug)

found=$(kubectl get deployment --namespace="$namespace" --output=json -- "$deployment")
previous=$(printf '%s' "$found" | jq --raw-output --arg variable "$variable" \
  'first(.spec.template.spec.containers[].env[]? | select(.name == $variable) | .value) // ""')
patch=$(printf '%s' "$found" | jq --compact-output --arg name "$variable" --arg value "$value" '{spec: {template: {spec: {
  containers: [.spec.template.spec.containers[] | {name, env: [{name: $name, value: $value}]}]}}}}')
kubectl patch deployment --namespace="$namespace" --type=strategic --patch="$patch" -- "$deployment"
result --arg deployment "$deployment" --arg namespace "$namespace" --arg variable "$variable" --arg previous "$previous"
