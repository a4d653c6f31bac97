node=$(input node)
timeout=$(input timeout 5m)
grace=$(input gracePeriodSeconds -1)
empty=$(input deleteEmptyDirData false)

# This Pod would be evicted too. What it belongs to tells it from all others.
own=$(kubectl get pod --ignore-not-found --output=json -- "$(hostname)")
selector=$(printf '%s' "${own:-null}" | jq --raw-output '
  .metadata.labels // {} | to_entries
  | map(select(.key == "batch.kubernetes.io/controller-uid" or .key == "tekton.dev/taskRunUID"))
  | if length > 0 then .[0] | .key + "!=" + .value else "" end')

said=$(kubectl drain --ignore-daemonsets --delete-emptydir-data="$empty" --timeout="$timeout" --grace-period="$grace" \
  --pod-selector="$selector" -- "$node")
printf '%s\n' "$said"
result --arg node "$node" --argjson evicted "$(printf '%s\n' "$said" | grep -c ' evicted$' || true)"
