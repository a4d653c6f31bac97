deployment=$(input deployment)
namespace=$(target_namespace)
revision=$(input revision 0)

previous=$(kubectl get deployment --namespace="$namespace" \
  --output=jsonpath='{.metadata.annotations.deployment\.kubernetes\.io/revision}' -- "$deployment")
kubectl rollout undo --namespace="$namespace" --to-revision="$revision" -- "deployment/$deployment"
image=$(kubectl get deployment --namespace="$namespace" \
  --output=jsonpath='{.spec.template.spec.containers[0].image}' -- "$deployment")
result --arg deployment "$deployment" --arg namespace "$namespace" --arg previousRevision "$previous" --arg image "$image"
