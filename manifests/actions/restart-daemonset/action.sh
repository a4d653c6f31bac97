daemonset=$(input daemonset)
namespace=$(target_namespace)

kubectl rollout restart --namespace="$namespace" -- "daemonset/$daemonset"
restarted=$(kubectl get daemonset --namespace="$namespace" \
  --output=jsonpath='{.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}' -- "$daemonset")
result --arg daemonset "$daemonset" --arg namespace "$namespace" --arg restartedAt "$restarted"
