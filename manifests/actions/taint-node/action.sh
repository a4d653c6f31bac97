node=$(input node)
taint="$(input key)=$(input value):$(input effect NoSchedule)"

kubectl taint node --overwrite -- "$node" "$taint"
result --arg node "$node" --arg taint "$taint"
