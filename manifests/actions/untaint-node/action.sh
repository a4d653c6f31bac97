node=$(input node)
key=$(input key)
effect=$(input effect NoSchedule)

taints=$(kubectl get node --output=json -- "$node")
tainted=$(printf '%s' "$taints" | jq --arg key "$key" --arg effect "$effect" \
  'any(.spec.taints[]?; .key == $key and .effect == $effect)')
# Without it kubectl fails; somebody else may have been first.
[ "$tainted" = false ] || kubectl taint node -- "$node" "$key:$effect-"
result --arg node "$node" --arg taint "$key:$effect" --argjson wasTainted "$tainted"
