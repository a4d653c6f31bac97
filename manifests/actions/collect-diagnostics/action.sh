namespace=$(target_namespace)
selector=$(input labelSelector)
lines=$(input lines 200)
folder=
if [ -d /workspace ] && [ -w /workspace ]; then
  folder=/workspace/diagnostics
  mkdir -p "$folder"
fi

# keep FILE: into the workspace, or into the log when there is none.
keep() {
  if [ -n "$folder" ]; then cat >"$folder/$1"; else printf '=== %s\n' "$1" && cat; fi
}

pods=$(kubectl get pods --namespace="$namespace" --selector="$selector" --output=json)
events=$(kubectl get events --namespace="$namespace" --output=json)
names=$(printf '%s' "$pods" | jq --raw-output '.items[].metadata.name')
# Of these Pods, and of what they belong to when all Pods are meant.
events=$(printf '%s' "$events" | jq --arg names "$names" --arg selector "$selector" '($names | split("\n")) as $names
  | [.items[] | select($selector == "" or (.involvedObject.name as $name | any($names[]; . == $name)))
  | {type, reason, message, count, object: (.involvedObject.kind + "/" + .involvedObject.name), lastTimestamp}]')
printf '%s' "$pods" | jq '[.items[] | {name: .metadata.name, node: .spec.nodeName, status}]' | keep pods.json
printf '%s\n' "$events" | keep events.json
for name in $names; do
  kubectl logs --namespace="$namespace" --all-containers --prefix --tail="$lines" -- "$name" 2>&1 | keep "$name.log"
done

# A result has to be small; the rest is in the files.
summary=$(printf '%s' "$pods" | jq --compact-output '[.items[:50][] | {name: .metadata.name, phase: .status.phase,
  ready: all(.status.containerStatuses[]?; .ready), restarts: ([.status.containerStatuses[]?.restartCount] | add // 0),
  reason: (first(.status.containerStatuses[]? | .state.waiting.reason, .state.terminated.reason, .lastState.terminated.reason
    | select(. != null)) // .status.reason // "")}]')
result --arg namespace "$namespace" --argjson pods "$summary" \
  --argjson warnings "$(printf '%s' "$events" | jq '[.[] | select(.type == "Warning")] | length')" --arg folder "$folder"
