deployment=$(input deployment)
namespace=$(target_namespace)
container=$(input container)
wanted=$(printf '%s' "$inputs" | jq --compact-output '{cpu, memory} | with_entries(select((.value // "") != ""))')
[ "$wanted" != '{}' ] || die 'How much? Give cpu, memory or both.'

containers=$(kubectl get deployment --namespace="$namespace" --output=json -- "$deployment")
containers=$(printf '%s' "$containers" | jq --compact-output '.spec.template.spec.containers')
if [ -z "$container" ]; then
  container=$(printf '%s' "$containers" | jq --raw-output 'if length == 1 then .[0].name else "" end')
  [ -n "$container" ] || die "Which container? $deployment has several."
fi
previous=$(printf '%s' "$containers" |
  jq --compact-output --arg name "$container" '.[] | select(.name == $name) | .resources.limits // {}')
[ -n "$previous" ] || die "Deployment $deployment has no container $container."

smaller=$(printf '%s' "$previous" | jq --raw-output --argjson wanted "$wanted" '
  def amount: capture("^(?<number>[0-9.]+)(?<unit>[A-Za-z]*)$") | (.number | tonumber) *
    {"": 1, m: 0.001, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 1024, Mi: 1048576, Gi: 1073741824, Ti: 1099511627776}[.unit];
  . as $previous
  | [$wanted | to_entries[] | select($previous[.key] != null and (.value | amount) < ($previous[.key] | amount)) | .key]
  | join(" and ")')
[ -z "$smaller" ] || die "That would lower the limit of $smaller."

patch=$(jq --null-input --compact-output --arg name "$container" --argjson limits "$wanted" \
  '{spec: {template: {spec: {containers: [{name: $name, resources: {limits: $limits}}]}}}}')
kubectl patch deployment --namespace="$namespace" --type=strategic --patch="$patch" -- "$deployment"
result --arg deployment "$deployment" --arg namespace "$namespace" --arg container "$container" \
  --argjson previous "$previous" --argjson limits "$(printf '%s' "$previous" | jq --argjson wanted "$wanted" '. + $wanted')"
