namespace=$(target_namespace)
pod=$(input pod)
selector=$(input labelSelector)

if [ -n "$pod" ] && [ -z "$selector" ]; then
  pods=$(kubectl get pod --namespace="$namespace" --output=json -- "$pod")
  pods=$(printf '%s' "$pods" | jq '{items: [.]}')
elif [ -z "$pod" ] && [ -n "$selector" ]; then
  pods=$(kubectl get pods --namespace="$namespace" --selector="$selector" --output=json)
else
  die 'Which Pods? Give either pod or labelSelector.'
fi

# Nobody makes these anew.
single=$(printf '%s' "$pods" | jq --raw-output '[.items[] | select(any(.metadata.ownerReferences[]?; .controller) | not) | .metadata.name] | join(", ")')
[ -z "$single" ] || die "No controller would make these Pods of $namespace anew: $single."
names=$(printf '%s' "$pods" | jq --raw-output '.items[].metadata.name')

# With labels that no Pod has there is nothing to do, as for kubectl; the result says so.
[ -z "$names" ] || printf '%s\n' "$names" | xargs kubectl delete pods --namespace="$namespace" --wait=false --ignore-not-found --
result --arg namespace "$namespace" --argjson deleted "$(printf '%s\n' "$names" | jq --raw-input --slurp 'split("\n") | map(select(. != ""))')"
