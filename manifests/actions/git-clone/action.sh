. "${0%/*}/action-git"
repository=$(input repository)
destination=$(input destination /workspace)

authenticate
started=$(date +%s)
fetch_into "$destination" "$repository" "$(input branch)" "$(input depth 1)"
commit=$(git rev-parse --verify HEAD)
took=$(($(date +%s) - started))
result --arg commitSHA "$commit" --arg branch "$branch" --arg destination "$destination" --arg cloneTime "${took}s"
