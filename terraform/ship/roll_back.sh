#!/usr/bin/env bash
# Restores the revisions and the job image from before deploy.sh. Migrations stay: the previous version works with the new
# schema (docs/deploy.md).
set -uo pipefail
status=0
while read -r service revision; do
  gcloud run services update-traffic "$service" --to-revisions="$revision=100" || status=1
done </workspace/before
gcloud run jobs update analyze --container=analyze --image="$(cat /workspace/before.job)" || status=1
exit $status
