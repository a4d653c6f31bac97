node=$(input node)
namespace=$(target_namespace)
selector=$(input labelSelector)

kubectl cordon -- "$node"
pods=$(kubectl get pods --namespace="$namespace" --selector="$selector" --field-selector="spec.nodeName=$node" --output=json)
names=$(printf '%s' "$pods" | jq --raw-output --arg own "$(hostname)" \
  '.items[].metadata | select(.name != $own and .deletionTimestamp == null) | .name')
for name in $names; do
  jq --null-input --arg name "$name" --arg namespace "$namespace" \
    '{apiVersion: "policy/v1", kind: "Eviction", metadata: {name: $name, namespace: $namespace}}' |
    kubectl create --raw="/api/v1/namespaces/$namespace/pods/$name/eviction" --filename=-
done
result --arg node "$node" --arg namespace "$namespace" \
  --argjson evicted "$(printf '%s\n' "$names" | jq --raw-input --slurp 'split("\n") | map(select(. != ""))')"
