#!/usr/bin/env bash
# Lets run again what ran before deploy.sh. Migrations stay: the version before works with the schema after (docs/deploy.md).
set -uo pipefail
status=0
while read -r service revision; do
  gcloud run services update-traffic "$service" --to-revisions="$revision=100" || status=1
done </workspace/before
gcloud run jobs update analyze --container=analyze --image="$(cat /workspace/before.job)" || status=1
exit $status
