. "${0%/*}/action-git"
directory=$(input directory /workspace)
[ -d "$directory/.git" ] || die "There is no repository in $directory; run git/clone before."
cd -- "$directory"
sign_as_input

git add --all
git diff --cached --name-only -z >/dev/null
files=$(git diff --cached --name-only -z | jq --raw-input --slurp --compact-output 'split("\u0000") | map(select(. != "")) | .[:100]')
committed=false
if [ "$files" != '[]' ]; then
  input message | git commit --quiet --file=-
  committed=true
fi
commit=$(git rev-parse --verify HEAD)
result --arg commitSHA "$commit" --argjson committed "$committed" --argjson files "$files"
