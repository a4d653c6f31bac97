message=$(input message)
severity=$(input severity info)
url=$(input url)

printf '%s: %s\n' "$severity" "$message"
posted=false
if [ -n "$url" ]; then
  jq --null-input --arg text "$message" --arg severity "$severity" '{text: $text, severity: $severity}' |
    curl --fail --silent --show-error --globoff --proto '=http,https' --max-time 30 --output /dev/null \
      --header 'content-type: application/json' --data-binary @- --url "$url"
  posted=true
fi
result --arg message "$message" --arg severity "$severity" --argjson posted "$posted"
