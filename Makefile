# `make demo` and `make test` are all one needs; each sets up what it needs first.
# Needs: Python 3.11 or newer, a Rust toolchain, make. Node 20 is used by one test of the Firebase SDK, where it is there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PHOTOS ?=
DATA ?= ../shared/data/bibs
FACES ?=
BIBS ?=
ALBUMS ?= $(HOME)/.cache/photofinish/bench-search
TERRAFORM ?= terraform
RUST_SOURCES := $(shell find rust_core -name '*.rs' -not -path '*/target/*') rust_core/Cargo.toml rust_core/Cargo.lock \
	rust_core/pyproject.toml
CARGO := cargo --quiet
# maturin is called by name when the Rust extension is built.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo test lint lint-python lint-rust test-python test-rust test-unit fix hooks terraform-test check-deployment \
	check-images lock bench bench-emulators bench-search bench-people crash-emulators bench-kernels clean

help:  ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

setup: $(VENV)/.python $(VENV)/.kernels $(VENV)/.models  ## The virtual environment, the Rust extension, the models

$(VENV)/.python: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("photofinish needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@command -v cargo >/dev/null || { echo "photofinish needs a Rust toolchain (cargo); see rustup.rs" >&2; exit 1; }
	@echo "setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.kernels: $(VENV)/.python $(RUST_SOURCES)
	@echo "building the Rust extension ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall ./rust_core
	@touch $@

$(VENV)/.models: $(VENV)/.kernels shared/photofinish/analysis/models/catalogue.toml
	@$(BIN)/photofinish models build
	@touch $@

demo: setup  ## Everything at work on a sample album (or PHOTOS=dir)
	@$(BIN)/photofinish demo $(if $(PHOTOS),--photos "$(PHOTOS)")

test: setup lint test-rust test-python  ## Every check and every test

lint: lint-python lint-rust  ## Formatting, rules, types, import directions

lint-python: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@said=$$($(BIN)/lint-imports --no-logo) || { echo "$$said"; exit 1; }
	@$(BIN)/mypy --no-error-summary

fix: setup  ## Format everything, and mend what ruff and clippy can mend
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .
	@cd rust_core && $(CARGO) fmt

hooks: setup  ## Quick checks before each commit (pre-commit)
	@$(BIN)/pre-commit install

test-unit: setup  ## Pure tests alone, in under a minute
	@$(BIN)/pytest tests/unit -m "not needs_parts" -n 2

lint-rust:
	@cd rust_core && $(CARGO) fmt --check
	@cd rust_core && $(CARGO) clippy --all-targets --locked -- -D warnings

test-rust:
	@cd rust_core && $(CARGO) test --workspace --locked

test-python: setup $(if $(shell command -v npm),tests/clients/node_modules)
	@$(BIN)/pytest -n 3 --dist loadgroup

tests/clients/node_modules: tests/clients/package-lock.json
	@cd tests/clients && npm ci --silent --no-audit --no-fund
	@touch $@

bench: setup  ## The analysis against a plain script, and the way from queue to result (DATA=folder of photos)
	@test -d "$(DATA)" || { echo "give DATA=folder of photos" >&2; exit 2; }
	@$(BIN)/python tests/bench/analysis/run.py "$(DATA)" --json docs/benchmarks/analysis.json
	@$(BIN)/python tests/bench/album/queue_to_commit.py "$(DATA)" --json docs/benchmarks/album.json

bench-emulators: setup  ## The local cloud's servers against their bars (on an idle machine)
	@$(BIN)/python tests/bench/emulators/throughput.py

bench-search: setup  ## Searches: recall, latency, size, 50 at once (ALBUMS=folder; half an hour to make it at first)
	@$(BIN)/python tests/bench/search/run.py "$(ALBUMS)"

bench-people: setup  ## Quality and speed of clustering: synthetic albums and, of FACES=folder BIBS=folder, labelled ones
	@$(BIN)/python tests/bench/people/run.py $(if $(FACES),--faces "$(FACES)") $(if $(BIBS),--bibs "$(BIBS)")

crash-emulators: setup  ## Kill each server a hundred times under load (about 9 minutes)
	@$(BIN)/python tests/bench/emulators/crashes.py

bench-kernels: $(VENV)-bench/.ready  ## The Rust kernels against OpenCV, SciPy, FAISS and NumKong
	@$(VENV)-bench/bin/python tests/bench/kernels/run.py

$(VENV)-bench/.ready: $(VENV)/.python tests/bench/kernels/requirements.in $(RUST_SOURCES)
	@test -x $(VENV)-bench/bin/python || $(PYTHON) -m venv $(VENV)-bench
	@$(VENV)-bench/bin/python -m pip install --quiet -r tests/bench/kernels/requirements.in
	@$(VENV)-bench/bin/python -m pip install --quiet --no-deps --force-reinstall --no-build-isolation ./rust_core
	@touch $@

NIGHTLY := cargo +nightly
AVX2 := +avx2,+fma,+f16c,+bmi1,+bmi2,+lzcnt,+popcnt

# The address sanitizer runs all tests on every instruction set of this processor, Miri those of tests/memory.rs on the
# baseline and on AVX2: it has no AVX-512, and no conversion of half precision.
sanitize-kernels:  ## The Rust kernels under the address sanitizer and Miri (nightly Rust; about 5 minutes)
	@RUSTUP_AUTO_INSTALL=0 cargo +nightly miri --version >/dev/null 2>&1 || { echo "sanitize-kernels needs a nightly Rust with Miri:" \
		"rustup toolchain install nightly --component miri,rust-src" >&2; exit 2; }
	@cd rust_core && RUSTFLAGS=-Zsanitizer=address $(NIGHTLY) test --quiet -p photofinish-kernels --tests --locked \
		--target $$(rustc +nightly --print host-tuple) --target-dir target/sanitize
	@cd rust_core && $(NIGHTLY) miri test --quiet -p photofinish-kernels --test memory --locked --target-dir target/miri
	@if [ $$(uname -m) = x86_64 ]; then cd rust_core && RUSTFLAGS=-Ctarget-feature=$(AVX2) $(NIGHTLY) miri test --quiet \
		-p photofinish-kernels --test memory --locked --target-dir target/miri-avx2 -- --skip halves; fi

terraform-test:  ## Format, validate and test terraform/ (TERRAFORM=program)
	@terraform/check.sh $(TERRAFORM)

check-deployment: setup  ## checkov, hadolint and the Cloud Build schema over what is deployed
	@terraform/check_tools.sh

check-images: setup  ## Both images' install steps in fresh environments; starts every target (about 5 minutes)
	@$(BIN)/python tests/e2e/deployment/reproduce_images.py

COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

lock: setup  ## Write the lock files anew (newest versions that pyproject.toml allows)
	@$(COMPILE) --extra functions --extra cpu --extra models --extra local --extra demo --extra rekognition --extra dev \
		-o requirements.txt pyproject.toml
	@$(COMPILE) --extra functions --extra cpu -o functions/requirements.txt pyproject.toml
	@$(COMPILE) --extra gpu -o gpu_jobs/requirements.txt pyproject.toml
	@$(COMPILE) --extra models -o functions/requirements-build.txt pyproject.toml functions/requirements-build.in

clean:  ## Remove what was built
	rm -rf $(VENV) $(VENV)-bench rust_core/target tests/clients/node_modules
