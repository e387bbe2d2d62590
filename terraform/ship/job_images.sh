#!/usr/bin/env bash
# Prints the analysis jobs that exist, one a line, with the image of each. Any other answer of gcloud ends the deploy: a job
# that is passed over would go on with its old image.
set -euo pipefail
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
for job in analyze analyze-cpu; do
  if image=$(gcloud run jobs describe "$job" --format='value(spec.template.spec.template.spec.containers[0].image)' 2>"$errors"); then
    echo "$job $image"
  # It exists with analysis.processor = "auto" only.
  elif [ "$job" != analyze-cpu ] || ! grep -qF "Cannot find job [analyze-cpu]" "$errors"; then
    cat "$errors" >&2
    exit 1
  fi
done
