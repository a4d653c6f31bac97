deployment=$(input deployment)
namespace=$(target_namespace)
replicas=$(input replicas)

previous=$(kubectl get deployment --namespace="$namespace" --output=jsonpath='{.spec.replicas}' -- "$deployment")
kubectl scale --namespace="$namespace" --replicas="$replicas" -- "deployment/$deployment"
result --arg deployment "$deployment" --arg namespace "$namespace" \
  --argjson previousReplicas "$previous" --argjson replicas "$replicas"
