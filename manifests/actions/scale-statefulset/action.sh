statefulset=$(input statefulset)
namespace=$(target_namespace)
replicas=$(input replicas)

previous=$(kubectl get statefulset --namespace="$namespace" --output=jsonpath='{.spec.replicas}' -- "$statefulset")
kubectl scale --namespace="$namespace" --replicas="$replicas" -- "statefulset/$statefulset"
result --arg statefulset "$statefulset" --arg namespace "$namespace" \
  --argjson previousReplicas "$previous" --argjson replicas "$replicas"
