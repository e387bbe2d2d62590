#!/usr/bin/env bash
# Deploys the new images, by digest, to every service and job: deploy.sh CANARY_PERCENT CANARY_S
# Writes the previous revisions and image to /workspace, for roll_back.sh.
set -euo pipefail
here=$(dirname "$0")
canary_percent=$1 canary_s=$2
functions=$(cat /workspace/functions.digest)
gpu_jobs=$(cat /workspace/gpu-jobs.digest)
events="on-object-finalized launch-workers on-dead-letter reconcile cluster-people on-enrolment-finalized expire"
apis="api rekognition"

# No person needs to know this secret, so the first deploy creates it, as version 2 after Terraform's placeholder.
versions=$(gcloud secrets versions list photofinish-key-secret --format='value(name)' | wc -l)
if [ "$versions" -lt 2 ]; then
  head -c 32 /dev/urandom | base64 --wrap=0 | gcloud secrets versions add photofinish-key-secret --data-file=-
fi

for service in $events $apis; do
  gcloud run services describe "$service" --format=json | python3 -c '
import json, sys
service = json.load(sys.stdin)
shares = {part["revisionName"]: part.get("percent", 0) for part in service["status"]["traffic"]}
print(service["metadata"]["name"], max(shares, key=shares.get))'
done >/workspace/before
gcloud run jobs describe analyze --format='value(spec.template.spec.template.spec.containers[0].image)' >/workspace/before.job

fail() {
  echo "$1" >&2
  bash "$here/roll_back.sh"
  exit 1
}

# The job first: new messages may need the new version, and it understands old messages.
gcloud run jobs update analyze --container=analyze --image="$gpu_jobs" || fail "the job could not be updated"

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
