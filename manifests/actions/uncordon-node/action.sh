node=$(input node)

cordoned=$(kubectl get node --output=jsonpath='{.spec.unschedulable}' -- "$node")
kubectl uncordon -- "$node"
result --arg node "$node" --argjson wasCordoned "${cordoned:-false}"
