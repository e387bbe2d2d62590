#!/usr/bin/env bash
# Formats, validates and tests this folder: ./check.sh [terraform, or a stand-in such as terraform-offline]
# No state and no cloud is touched: every provider is a mock.
set -euo pipefail
cd "$(dirname "$0")"

terraform=${1:-terraform}
export TF_DATA_DIR TF_IN_AUTOMATION=1
TF_DATA_DIR=$(mktemp -d)
trap 'rm -rf "$TF_DATA_DIR"' EXIT

terraform fmt -check -diff -recursive
"$terraform" init -backend=false -input=false -no-color >"$TF_DATA_DIR/init.log" 2>&1 || {
  cat "$TF_DATA_DIR/init.log"
  exit 1
}
"$terraform" validate -no-color
"$terraform" test -no-color
for environment in environments/*.tfvars examples/*.tfvars; do
  echo "$environment"
  "$terraform" test -no-color -test-directory=environments -var-file="$environment"
done
