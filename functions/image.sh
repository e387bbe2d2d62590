#!/usr/bin/env bash
# The steps that fill an image. Both Dockerfiles run them, and so does tests/e2e/deployment/reproduce_images.py where
# there is no container.
#
#   image.sh wheels VENV OUT                       build the wheels of this project and of its Rust kernels
#   image.sh models VENV WHEELS OUT                build the models and check their sha256
#   image.sh install VENV REQUIREMENTS WHEELS      install what runs, everything by hash
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
root=$(cd "$(dirname "$0")/.." && pwd)

case ${1:-} in
  wheels)
    venv=$2 out=$3
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --require-hashes --requirement "$root/functions/requirements-build.txt"
    # Without isolation, so that the build uses what is locked instead of fetching something newer; compiled beside the
    # environment, so that a build that runs in rust_core/ at the same time stays undisturbed.
    CARGO_TARGET_DIR="$venv/rust" PATH="$venv/bin:$PATH" "$venv/bin/pip" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$out" \
      "$root" "$root/rust_core"
    ;;
  models)
    venv=$2 wheels=$3 out=$4
    "$venv/bin/pip" install --quiet --no-deps --no-index --force-reinstall "$wheels"/*.whl
    PHOTOFINISH_MODELS_DIR=$out "$venv/bin/photofinish" models build
    PHOTOFINISH_MODELS_DIR=$out "$venv/bin/photofinish" models verify
    ;;
  install)
    venv=$2 requirements=$3 wheels=$4
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --require-hashes --requirement "$requirements"
    "$venv/bin/pip" install --quiet --no-deps --no-index "$wheels"/*.whl
    # Without what pyproject.toml overrides: tokenizers needs it only for downloads.
    unmet=$("$venv/bin/pip" check | grep -v -e 'tokenizers .* requires huggingface-hub' -e '^No broken requirements' || true)
    if [ -n "$unmet" ]; then echo "$unmet" >&2; exit 1; fi
    ;;
  *)
    sed -n '2,7p' "$0" >&2
    exit 2
    ;;
esac
