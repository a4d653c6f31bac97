. "${0%/*}/action-git"
repository=$(input repository)
destination=$(input destination /workspace)

authenticate
started=$(date +%s)
fetch_into "$destination" "$repository" "$(input branch)" "$(input depth 1)"
took=$(($(date +%s) - started))
result --arg commitSHA "$(git rev-parse HEAD)" --arg branch "$branch" --arg destination "$destination" --arg cloneTime "${took}s"
