#!/usr/bin/env bash
# Asks a served model for items, with curl alone.
#
#   serving/clients/recommend.sh http://127.0.0.1:8501 demo '"age": 31, "occupation": "artist"'
#
# The third argument holds the columns that the model's template names, as JSON; the metadata lists
# them: curl http://127.0.0.1:8501/v1/models/demo/metadata
set -euo pipefail

endpoint=${1:-http://127.0.0.1:8501}
model=${2:-demo}
columns=${3:-}

# Every input is sent, given or not. The "" in front is padding: a server that batches fills
# shorter rows with the first element. k = 0 asks for as many as the model was exported with.
body=$(
  cat <<JSON
{
  "signature_name": "recommend",
  "instances": [
    {
      "history": ["", "50", "181"],
      "exclude": ["", "172"],
      "wish": "slow science fiction with robots",
      "prompt": "",
      "k": 10${columns:+, $columns}
    }
  ]
}
JSON
)

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
status=$(
  curl --silent --show-error --connect-timeout 1 --max-time "${TIMEOUT_S:-2}" \
    --header 'Content-Type: application/json' --data-binary "$body" \
    --output "$answer" --write-out '%{http_code}' \
    "$endpoint/v1/models/$model/labels/stable:predict"
)
if [ "$status" != 200 ]; then
  echo "HTTP $status: $(cat "$answer")" >&2
  exit 1
fi
# {"predictions": [{"item_ids": […], "scores": […]}]}; where fewer are left, the ids end in "".
cat "$answer"
