#!/usr/bin/env bash
# Uploads a photo and waits until the status in its document is `done`: smoke_test.sh TIMEOUT_S
set -euo pipefail
timeout_s=$1
here=$(dirname "$0")
bucket=$(gcloud run jobs describe analyze --format=json |
  python3 -c 'import json, sys; env = json.load(sys.stdin)["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]["env"]; print(next(e["value"] for e in env if e["name"] == "PHOTOFINISH_PHOTO_BUCKET"))')
name="smoke-test/$(date -u +%Y%m%dT%H%M%S)-$RANDOM.jpg"
gcloud storage cp --quiet "$here/smoke.jpg" "gs://$bucket/$name"

# The photo's id is derived as in shared/photofinish/domain/photo.py.
photo_id=$(printf %s "$bucket/$name" | sha256sum | cut -c1-32)
document="https://firestore.googleapis.com/v1/projects/$PROJECT_ID/databases/(default)/documents/albums/smoke-test/photos/$photo_id"
deadline=$((SECONDS + timeout_s))
while [ $SECONDS -lt $deadline ]; do
  status=$(curl --silent --globoff --header "Authorization: Bearer $(gcloud auth print-access-token)" "$document" |
    python3 -c 'import json, sys; print(json.load(sys.stdin).get("fields", {}).get("status", {}).get("stringValue", "absent"))')
  echo "$SECONDS s: $status"
  case $status in
    done) exit 0 ;;
    rejected | failed) break ;;
  esac
  sleep 5
done
echo "gs://$bucket/$name has status '$status' instead of 'done' after $SECONDS s" >&2
exit 1
