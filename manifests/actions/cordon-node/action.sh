node=$(input node)

cordoned=$(kubectl get node --output=jsonpath='{.spec.unschedulable}' -- "$node")
kubectl cordon -- "$node"
result --arg node "$node" --argjson wasCordoned "${cordoned:-false}"
