file=$(input file)
document=$(input document 0)

case $file in
  *..*) die "$file has .. in it; write the path without." ;;
  /workspace/*) ;;
  *) die "$file is not in the workspace." ;;
esac
folder=${file%/*}
mkdir -p -- "$folder"
# Links in a repository may lead anywhere.
folder=$(realpath "$folder")
[ ! -L "$file" ] || die "$file is a link; name the file that it leads to."
case $folder/ in
  */.git/*) die "$file is one of git's own files." ;;
  /workspace/*) ;;
  *) die "$file is not in the workspace." ;;
esac
file=$folder/${file##*/}
# A link of that name would lead elsewhere.
rm -f -- "$file.new"

if has content; then
  printf '%s' "$inputs" | jq --join-output .content >"$file.new"
else
  [ -f "$file" ] || die "There is no file $file."
  patch=$(input patch | yq --input-format=yaml --output-format=json --indent=0 .)
  # Keys are paths; an object goes into what is there, anything else replaces it.
  changes=$(printf '%s' "$patch" | jq --compact-output '
    def steps: [match("\\[\"([^\"]+)\"\\]|\\[([0-9]+)\\]|([^.\\[\\]]+)"; "g").captures
      | .[0].string // .[2].string // (.[1].string | tonumber)];
    def leaves($at): if type == "object" and length > 0 then to_entries[] | .key as $key | .value | leaves($at + ($key | steps))
      else {path: $at, value: .} end;
    if type == "object" then [leaves([])] else error("patch is not a mapping") end')
  [ "$changes" != '[]' ] || die 'There is nothing in patch, and no content.'
  count=$(yq 'document_index' "$file" | grep -c '^[0-9]' || true)
  [ "$document" -lt "$count" ] || die "$file has $count documents; there is no document $document."
  changes=$changes document=$document yq '(select(document_index == env(document))) |= (env(changes)[] as $change ireduce
    (.; setpath($change.path; $change.value)))' "$file" >"$file.new"
  # A value has no place below a text or a number.
  changed=$(document=$document yq --output-format=json 'select(document_index == env(document))' "$file.new")
  lost=$(printf '%s' "$changed" | jq --raw-output --argjson changes "$changes" '. as $now
    | [$changes[] | select(.value != (.path as $path | try ($now | getpath($path)) catch null)) | .path | map(tostring) | join(".")] | first // ""')
  if [ -n "$lost" ]; then
    rm -- "$file.new"
    die "$file has no place for $lost."
  fi
fi
changed=true
if [ -f "$file" ] && cmp -s "$file" "$file.new"; then changed=false; fi
# Through the old file, so that its mode stays.
cat "$file.new" >"$file"
rm -- "$file.new"
result --arg file "$file" --argjson changed "$changed"
