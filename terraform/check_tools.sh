#!/usr/bin/env bash
# Checks Terraform with checkov, the Dockerfiles with hadolint and cloudbuild.yaml against its schema: ./check_tools.sh [VENV]
# Installs these programs, by hash, into VENV and keeps it for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.state/check-tools}
export PIP_DISABLE_PIP_VERSION_CHECK=1

if ! cmp -s terraform/requirements-check.txt "$venv/installed.txt"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --require-hashes --requirement terraform/requirements-check.txt
  cp terraform/requirements-check.txt "$venv/installed.txt"
fi
PATH="$PWD/$venv/bin:$venv/bin:$PATH"
check-jsonschema --builtin-schema vendor.cloudbuild cloudbuild.yaml
hadolint functions/Dockerfile gpu_jobs/Dockerfile && echo "hadolint: no findings"
cd terraform
for environment in environments/*.tfvars; do
  echo "checkov with $environment"
  checkov --config-file checkov.yaml --var-file "$environment"
done
