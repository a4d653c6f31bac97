name=$(input networkPolicy)
namespace=$(target_namespace)
patch=$(printf '%s' "$inputs" | jq --compact-output '{spec}')

kubectl patch networkpolicy --namespace="$namespace" --type=merge --patch="$patch" -- "$name"
generation=$(kubectl get networkpolicy --namespace="$namespace" --output=jsonpath='{.metadata.generation}' -- "$name")
result --arg networkPolicy "$name" --arg namespace "$namespace" --argjson generation "$generation"
