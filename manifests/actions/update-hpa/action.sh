hpa=$(input hpa)
namespace=$(target_namespace)
wanted=$(printf '%s' "$inputs" | jq --compact-output '{minReplicas, maxReplicas} | with_entries(select((.value // 0) > 0))')
[ "$wanted" != '{}' ] || die 'Which bounds? Give minReplicas, maxReplicas or both.'

previous=$(kubectl get horizontalpodautoscaler --namespace="$namespace" --output=json -- "$hpa")
previous=$(printf '%s' "$previous" | jq --compact-output '.spec | {minReplicas, maxReplicas}')
kubectl patch horizontalpodautoscaler --namespace="$namespace" --type=merge --patch="{\"spec\":$wanted}" -- "$hpa"
now=$(printf '%s' "$previous" | jq --compact-output --argjson wanted "$wanted" '. + $wanted')
result --arg hpa "$hpa" --arg namespace "$namespace" --argjson previous "$previous" \
  --argjson minReplicas "$(printf '%s' "$now" | jq .minReplicas)" --argjson maxReplicas "$(printf '%s' "$now" | jq .maxReplicas)"
