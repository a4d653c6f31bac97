. "${0%/*}/action-git"
repository=$(input repository)
target=$(input branch)
base=$(input base)
title=$(input title)
body=$(input body)
directory=$(input directory /workspace)
api=$(input apiUrl)

authenticate
sign_as_input
if [ -d "$directory/.git" ]; then
  cd -- "$directory"
  branch=$(git symbolic-ref --short HEAD)
else
  [ -n "$repository" ] || die "There is no repository in $directory; run git/clone before, or name one."
  fetch_into "$directory" "$repository" "$base" 1
fi
head=$(git rev-parse --verify HEAD)
git diff-index --quiet HEAD -- || die "There are changes in $directory that are not committed; run git/commit before."
base=${base:-$branch}

# Without a change there is still something to tell, and to be looked at.
cloned=$(git rev-parse --verify "refs/remotes/origin/$branch")
if [ "$head" = "$cloned" ]; then
  printf '%s\n\n%s\n' "$title" "$body" | git commit --quiet --allow-empty --file=-
  head=$(git rev-parse --verify HEAD)
fi
# A branch that somebody has written to is not overwritten.
if ! said=$(git push --quiet -- "${repository:-origin}" "HEAD:refs/heads/$target" 2>&1); then
  printf '%s\n' "$said"
  why=$(printf '%s\n' "$said" | sed -n 's/^ ! //p; s/^fatal: //p' | tail -n 1)
  die "The branch $target could not be pushed: $why"
fi

opened=
if [ -n "$api" ]; then
  answer=$(jq --null-input --arg title "$title" --arg body "$body" --arg head "$target" --arg base "$base" \
    '{title: $title, body: $body, head: $head, base: $base}' |
    curl --fail-with-body --silent --show-error --globoff --proto '=http,https' --max-time 60 \
      --header 'content-type: application/json' --header "authorization: Bearer ${GIT_PASSWORD:-}" \
      --data-binary @- --url "$api") || die "The branch is pushed, and the pull request was refused: $answer"
  opened=$(printf '%s' "$answer" | jq --raw-output '.html_url // .web_url // .url // ""')
fi
result --arg branch "$target" --arg commitSHA "$head" --argjson pushed true --arg pullRequest "$opened"
