#!/usr/bin/env bash
# Deploys the new images, by digest, to every service and job: deploy.sh CANARY_PERCENT CANARY_S
# Writes the previous revisions and image to /workspace, for roll_back.sh.
set -euo pipefail
here=$(dirname "$0")
canary_percent=$1 canary_s=$2
functions=$(cat /workspace/functions.digest)
gpu_jobs=$(cat /workspace/gpu-jobs.digest)
events="on-object-finalized launch-workers on-dead-letter reconcile cluster-people record-events deliver-webhooks on-enrolment-finalized rescore-bibs expire"
apis="api live rekognition"

# No person needs to know these secrets, so the first deploy creates them, as version 2 after Terraform's placeholder.
for secret in photofinish-key-secret photofinish-token-secret photofinish-pepper photofinish-receipt-key photofinish-webhook-key; do
  versions=$(gcloud secrets versions list "$secret" --format='value(name)' | wc -l)
  if [ "$versions" -lt 2 ]; then
    head -c 32 /dev/urandom | base64 --wrap=0 | gcloud secrets versions add "$secret" --data-file=-
  fi
done

for service in $events $apis; do
  gcloud run services describe "$service" --format=json | python3 -c '
import json, sys
service = json.load(sys.stdin)
shares = {part["revisionName"]: part.get("percent", 0) for part in service["status"]["traffic"]}
print(service["metadata"]["name"], max(shares, key=shares.get))'
done >/workspace/before
bash "$here/job_images.sh" >/workspace/before.jobs

fail() {
  echo "$1" >&2
  bash "$here/roll_back.sh"
  exit 1
}

# The jobs first: new messages may need the new version, and it understands old messages.
while read -r job _ <&3; do
  gcloud run jobs update "$job" --container=analyze --image="$gpu_jobs" || fail "the job $job could not be updated"
done 3</workspace/before.jobs

for service in $events; do
  gcloud run services update "$service" --container=function --image="$functions" || fail "the new revision of $service did not start"
  gcloud run services update-traffic "$service" --to-latest || fail "no traffic could be sent to the new revision of $service"
done

for service in $apis; do
  gcloud run services update "$service" --no-traffic --tag=canary --container=function --image="$functions" ||
    fail "the new revision of $service did not start"
  gcloud run services update-traffic "$service" --to-tags="canary=$canary_percent" || fail "no traffic could be sent to the canary of $service"
done

began=$(date -u +%Y-%m-%dT%H:%M:%SZ)
echo "canary: $canary_percent % of requests for $canary_s s"
sleep "$canary_s"
for service in $apis; do
  revision=$(gcloud run services describe "$service" --format='value(status.latestReadyRevisionName)')
  errors=$(gcloud logging read --limit=1 --format='value(timestamp)' \
    "resource.type=cloud_run_revision AND resource.labels.revision_name=$revision AND timestamp>=\"$began\" AND httpRequest.status>=500")
  [ -z "$errors" ] || fail "the canary of $service returned a server error at $errors"
  gcloud run services update-traffic "$service" --to-latest || fail "no traffic could be sent to the new revision of $service"
done
