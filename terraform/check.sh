#!/usr/bin/env bash
# Formats, validates and tests this folder: ./check.sh [terraform, or a substitute such as terraform-offline]
# Every provider is a mock: no state is written and no cloud is contacted.
set -euo pipefail
cd "$(dirname "$0")"

terraform=${1:-terraform}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TF_DATA_DIR=$work/root TF_IN_AUTOMATION=1
# With Go's default of 100, two fifths of Terraform's processor time here is garbage collection.
export GOGC=${GOGC:-400}

init() {
  "$terraform" init -backend=false -input=false -no-color >"$work/init.log" 2>&1 || {
    cat "$work/init.log"
    exit 1
  }
}

if [ ! -f .terraform.lock.hcl ]; then
  echo "WARNING: terraform/.terraform.lock.hcl is missing: commit the one that the first \`terraform init\` writes (docs/deploy.md)" >&2
fi

terraform fmt -check -diff -recursive
init
"$terraform" validate -no-color
"$terraform" test -no-color
python3 check_graph.py "$terraform"
for environment in environments/*.tfvars examples/*.tfvars; do
  echo "$environment"
  "$terraform" test -no-color -test-directory=environments -var-file="$environment"
done

echo "examples of modules/*/README.md"
mkdir "$work/examples"
cp -r modules firestore modules/readme_examples.tftest.hcl modules/foundation/versions.tf "$work/examples"
for module in modules/*/; do
  sed -n '/^```hcl$/,/^```$/{/^```/d;p}' "$module/README.md" >"$work/examples/$(basename "$module").tf"
done
cd "$work/examples"
export TF_DATA_DIR=$work/examples-data
terraform fmt -check -diff
init
"$terraform" test -no-color
