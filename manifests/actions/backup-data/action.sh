claim=$(input claim)
namespace=$(target_namespace)
snapshot=$(input snapshot)
class=$(input snapshotClass)

kubectl get persistentvolumeclaim --namespace="$namespace" --output=name -- "$claim"
there=$(kubectl get volumesnapshots.snapshot.storage.k8s.io --namespace="$namespace" --ignore-not-found \
  --output=jsonpath='{.spec.source.persistentVolumeClaimName}' -- "$snapshot")
if [ -z "$there" ]; then
  jq --null-input --arg name "$snapshot" --arg claim "$claim" --arg class "$class" '{
    apiVersion: "snapshot.storage.k8s.io/v1", kind: "VolumeSnapshot", metadata: {name: $name},
    spec: ({source: {persistentVolumeClaimName: $claim}} + if $class == "" then {} else {volumeSnapshotClassName: $class} end)
  }' | kubectl create --namespace="$namespace" --filename=-
elif [ "$there" != "$claim" ]; then
  die "VolumeSnapshot $snapshot exists and is one of $there."
fi
result --arg claim "$claim" --arg namespace "$namespace" --arg snapshot "$snapshot"
