claim=$(input claim)
namespace=$(target_namespace)
size=$(input size)

previous=$(kubectl get persistentvolumeclaim --namespace="$namespace" \
  --output=jsonpath='{.spec.resources.requests.storage}' -- "$claim")
patch=$(jq --null-input --compact-output --arg size "$size" '{spec: {resources: {requests: {storage: $size}}}}')
kubectl patch persistentvolumeclaim --namespace="$namespace" --type=merge --patch="$patch" -- "$claim"
result --arg claim "$claim" --arg namespace "$namespace" --arg previousSize "$previous" --arg size "$size"
