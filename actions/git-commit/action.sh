. "${0%/*}/action-git"
cd -- "$(input directory /workspace)"
sign_as_input

git add --all
files=$(git diff --cached --name-only -z | jq --raw-input --slurp --compact-output 'split("\u0000") | map(select(. != "")) | .[:100]')
committed=false
if [ "$files" != '[]' ]; then
  input message | git commit --quiet --file=-
  committed=true
fi
result --arg commitSHA "$(git rev-parse HEAD)" --argjson committed "$committed" --argjson files "$files"
