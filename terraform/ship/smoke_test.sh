#!/usr/bin/env bash
# Uploads a photo and waits until a task logs that its results are stored: smoke_test.sh TIMEOUT_S
# The deployer cannot read documents, rows or objects, so it looks into the log, which has ids only.
set -euo pipefail
timeout_s=$1
here=$(dirname "$0")
bucket=$(gcloud run jobs describe analyze --format=json |
  python3 -c 'import json, sys; env = json.load(sys.stdin)["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]["env"]; print(next(e["value"] for e in env if e["name"] == "PHOTOFINISH_PHOTO_BUCKET"))')
name="smoke-test/$(date -u +%Y%m%dT%H%M%S)-$RANDOM.jpg"
began=$(date -u +%Y-%m-%dT%H:%M:%SZ)
gcloud storage cp --quiet "$here/smoke.jpg" "gs://$bucket/$name"

# The photo's id is derived as in shared/photofinish/domain/photo.py.
photo_id=$(printf %s "$bucket/$name" | sha256sum | cut -c1-32)
# The two words that a task ends a photo with (gpu_jobs/photofinish_jobs/worker.py).
outcome="resource.type=cloud_run_job AND timestamp>=\"$began\" AND jsonPayload.photo_id=\"$photo_id\" AND jsonPayload.message=(\"committed\" OR \"rejected\")"
deadline=$((SECONDS + timeout_s))
while [ $SECONDS -lt $deadline ]; do
  said=$(gcloud logging read --limit=1 --format='value(jsonPayload.message)' "$outcome")
  echo "$SECONDS s: ${said:-not analysed yet}"
  case $said in
    committed) exit 0 ;;
    rejected) break ;;
  esac
  sleep 5
done
echo "gs://$bucket/$name was ${said:-not analysed} instead of committed after $SECONDS s" >&2
exit 1
