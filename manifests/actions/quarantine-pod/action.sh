pod=$(input pod)
namespace=$(target_namespace)
mark=kubernaut.io/quarantined
policy=kubernaut-quarantine

found=$(kubectl get pod --namespace="$namespace" --output=json -- "$pod")
former=$(printf '%s' "$found" | jq --compact-output --arg mark "$mark" '
  if .metadata.labels[$mark] == null then .metadata.labels // {}
  else .metadata.annotations["kubernaut.io/former-labels"] // "{}" | fromjson end')

# The network first: without its labels the Pod is out of the policies that it was under.
jq --null-input --arg name "$policy" --arg mark "$mark" '{
  apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: {name: $name},
  spec: {podSelector: {matchLabels: {($mark): "true"}}, policyTypes: ["Ingress", "Egress"]}
}' | kubectl apply --server-side --field-manager=kubernaut --namespace="$namespace" --filename=-

patch=$(printf '%s' "$found" | jq --compact-output --arg mark "$mark" --arg former "$former" '{metadata: {
  labels: ((.metadata.labels // {} | map_values(null)) + {($mark): "true"}),
  annotations: {"kubernaut.io/former-labels": $former}}}')
kubectl patch pod --namespace="$namespace" --type=merge --patch="$patch" -- "$pod"
result --arg pod "$pod" --arg namespace "$namespace" --arg networkPolicy "$policy" --argjson formerLabels "$former"
