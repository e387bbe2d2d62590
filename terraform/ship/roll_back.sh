#!/usr/bin/env bash
# Restores the revisions and the job image from before deploy.sh. Migrations stay: the previous version works with the new
# schema (docs/deploy.md).
set -uo pipefail
status=0
while read -r service revision; do
  gcloud run services update-traffic "$service" --to-revisions="$revision=100" || status=1
done </workspace/before
while read -r job image <&3; do
  gcloud run jobs update "$job" --container=analyze --image="$image" || status=1
done 3</workspace/before.jobs
exit $status
