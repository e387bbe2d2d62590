# `make demo` and `make test` are all one needs; each sets up what it needs first.
# Needs: Python 3.11 or newer, a Rust toolchain, make. Node 20 and Chromium are used by the tests of the Firebase SDK, where
# they are there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PHOTOS ?=
OPEN ?=
DATA ?= ../shared/data/bibs
OUT ?= out/gpu-check
FACES ?=
BIBS ?=
ALBUMS ?= $(HOME)/.cache/photofinish/bench-search
TERRAFORM ?= terraform
AUDIT := .state/audit
RUST_SOURCES := $(shell find rust_core -name '*.rs' -not -path '*/target/*') rust_core/Cargo.toml rust_core/Cargo.lock \
	rust_core/pyproject.toml
CARGO := cargo --quiet
# maturin is called by name when the Rust extension is built.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo test lint lint-python lint-rust test-python test-rust test-unit test-docs test-properties test-machines test-old-pgvector fuzz-api fuzz fix hooks clients terraform-test terraform-applied check-deployment audit sbom \
	check-images lock bench bench-emulators bench-search bench-bibs bench-fairness bench-label-search bench-people bench-scenes bench-webhooks bench-notifications bench-events bench-statistics bench-live bench-pages page-looks page-pictures bench-downloads journey gpu-check gpu-pack crash-emulators erase-check bench-kernels clean

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

demo: setup  ## Everything at work on a sample album (or PHOTOS=dir; OPEN=1 opens the page)
	@$(BIN)/photofinish demo $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(OPEN),--open)

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
	@$(BIN)/pytest tests/unit -n 2 --dist loadgroup

lint-rust:
	@cd rust_core && $(CARGO) fmt --check
	@cd rust_core && $(CARGO) clippy --all-targets --locked -- -D warnings

test-rust:
	@cd rust_core && $(CARGO) test --workspace --locked

EXAMPLES ?= 100

fuzz-api: setup  ## The API with all that its document allows, and more (EXAMPLES=100 for each check; a new seed each time)
	@seed=$${SEED:-$$(date +%s)}; echo "SEED=$$seed repeats this run"; \
		FUZZ_EXAMPLES=$(EXAMPLES) FUZZ_SEED=$$seed $(BIN)/pytest -p no:cacheprovider tests/contract/functions/api/test_openapi.py -k conforms

FUZZ_CASES ?= 3000
FUZZ_S ?= 30

fuzz: setup $(VENV)-fuzz/.ready  ## Broken pictures, and our own parsers under atheris (FUZZ_CASES=3000 a format, FUZZ_S=30 a parser)
	@seed=$${SEED:-$$(date +%s)}; echo "SEED=$$seed repeats this run"; \
		FUZZ_CASES=$(FUZZ_CASES) FUZZ_SEED=$$seed $(BIN)/pytest -p no:cacheprovider tests/contract/decoders/test_fuzzing.py
	@for parser in $$(cd tests && ../$(BIN)/python -c 'from support.fuzz_targets import TARGETS; print(*(name.replace(" ", "_") for name in TARGETS))'); do \
		echo "$$parser ..."; PYTHONPATH=$(VENV)-fuzz $(BIN)/python tests/fuzz/parsers.py $$parser -max_total_time=$(FUZZ_S) -verbosity=0 || exit 1; done

$(VENV)-fuzz/.ready: tests/fuzz/requirements.txt $(VENV)/.python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target $(VENV)-fuzz -r $<
	@touch $@

MINUTES ?= 30
SEED ?= 0
FAULTS ?= 10000

.PHONY: hostile
hostile: setup  ## More than 2,000 bad files through the decoders and the analysis: outcomes, time, memory (SEED=0)
	@$(BIN)/python tests/bench/hostile/run.py --seed $(SEED) --report docs/benchmarks/hostile-files.md

PHOTOS_AT_ONCE ?= 10000

.PHONY: floods
floods: setup  ## Many photos at once, many albums at once with 1,000 listeners, a drop that sleeps (PHOTOS_AT_ONCE=10000)
	@$(BIN)/python tests/bench/floods/run.py --photos $(PHOTOS_AT_ONCE) --report docs/benchmarks/floods.md

.PHONY: faults
faults: setup  ## Hurt a local cloud while it works, and look for what is lost (SEED=0 FAULTS=10000, at most MINUTES=30)
	@$(BIN)/python tests/bench/faults/run.py --seed $(SEED) --faults $(FAULTS) --minutes $(MINUTES) \
		--report docs/benchmarks/faults.md

SAMPLE ?= 40
AREAS ?=

.PHONY: mutate
mutate: setup $(VENV)-mutate/.ready  ## Mutants of decisive modules that no test finds (AREAS="worker sql" SAMPLE=40 each, MINUTES=30, SEED=0)
	@cd tests && PYTHONPATH=../$(VENV)-mutate ../$(BIN)/python -W ignore::pytest.PytestAssertRewriteWarning -m mutation.run \
		--sample $(SAMPLE) --minutes $(MINUTES) --seed $(SEED) --report ../docs/benchmarks/mutation.md $(AREAS)

.PHONY: mutate-named
mutate-named: setup $(VENV)-mutate/.ready  ## Mutants made by hand: the mistakes that once were found by no test
	@cd tests && PYTHONPATH=../$(VENV)-mutate ../$(BIN)/python -W ignore::pytest.PytestAssertRewriteWarning -m mutation.run --named

$(VENV)-mutate/.ready: tests/mutation/requirements.txt $(VENV)/.python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target $(VENV)-mutate -r $<
	@touch $@

test-docs: setup  ## The documents' code blocks: how many run and why others cannot, then run them
	@cd tests && ../$(BIN)/python -m support.docs_blocks
	@$(BIN)/pytest tests/e2e/test_documents.py tests/contract/deployment/test_code_blocks.py

TIMES ?= 20

test-properties: setup  ## The properties of all tests with many more examples (TIMES=20 as many as in `make test`)
	@grep -rlE 'hypothesis' tests/unit tests/contract tests/faults --include='test_*.py' | \
		EXAMPLES_TIMES=$(TIMES) xargs $(BIN)/pytest -n 3 --dist loadgroup -o timeout=3600 -m hypothesis

MACHINES := tests/faults/test_worker_machine.py tests/contract/people/test_decisions.py \
	tests/unit/emulators/pubsub/test_delivery.py tests/unit/emulators/pubsub/test_topic_machine.py \
	tests/unit/emulators/firestore/test_listening_machine.py

test-machines: setup  ## The state machines of worker, people, Pub/Sub and listeners: 1,000 examples and more of each
	@EXAMPLES_TIMES=100 $(BIN)/pytest -n 2 --dist loadgroup -o timeout=14400 -m hypothesis $(filter-out %_decisions.py,$(MACHINES))
	@EXAMPLES_TIMES=200 $(BIN)/pytest -o timeout=14400 -m hypothesis $(filter %_decisions.py,$(MACHINES))

test-old-pgvector: setup  ## The contracts of the index on pgvector 0.8.1, which Cloud SQL was seen with
	@cd tests && ../$(BIN)/python -m support.old_pgvector

test-python: setup $(VENV)-clients/.ready $(if $(shell command -v npm),tests/clients/node_modules)
	@$(BIN)/pytest -n 3 --dist loadgroup

$(VENV)-clients/.ready: tests/clients/requirements.txt
	@test -x $(VENV)-clients/bin/python || $(PYTHON) -m venv $(VENV)-clients
	@$(VENV)-clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

tests/clients/node_modules: tests/clients/package-lock.json
	@cd tests/clients && npm ci --silent --no-audit --no-fund
	@touch $@

clients: setup $(VENV)-clients/.ready tests/clients/node_modules  ## Typed clients of the API for Python and TypeScript (in out/clients)
	@mkdir -p out/clients
	@cd tests && ../$(BIN)/python -m support.openapi_document > ../out/clients/openapi.json
	@$(VENV)-clients/bin/openapi-python-client generate --overwrite --path out/clients/openapi.json --meta none \
		--output-path out/clients/photofinish_client --config tests/clients/openapi-python-client.yml
	@node tests/clients/node_modules/openapi-typescript/bin/cli.js out/clients/openapi.json --output out/clients/api_schema.d.ts

bench: setup  ## The analysis against a plain script, and the way from queue to result (DATA=folder of photos)
	@test -d "$(DATA)" || { echo "give DATA=folder of photos" >&2; exit 2; }
	@$(BIN)/python tests/bench/analysis/run.py "$(DATA)" --json docs/benchmarks/analysis.json
	@$(BIN)/python tests/bench/album/queue_to_commit.py "$(DATA)" --json docs/benchmarks/album.json

bench-emulators: setup  ## The local cloud's servers against their bars (on an idle machine)
	@$(BIN)/python tests/bench/emulators/throughput.py

bench-search: setup  ## Searches: recall, latency, size, 50 at once (ALBUMS=folder; half an hour to make it at first)
	@$(BIN)/python tests/bench/search/run.py "$(ALBUMS)"

bench-bibs: setup  ## Reading an album's numbers again by a start list, against analysing its photos again
	@$(BIN)/python tests/bench/bibs/rescoring.py

bench-downloads: setup  ## Memory and speed of a ZIP of 2 GB, interrupted and resumed
	@cd tests && ../$(BIN)/python -m bench.downloads.memory

journey: setup tests/clients/node_modules  ## 50 photos dropped, QR code, selfie, her photos, ZIP, in a real browser; writes the times
	@cd tests && ../$(BIN)/python -m bench.journey.run --write

bench-live: setup  ## A thousand live streams in one instance: latency from event to client, memory (on an idle machine)
	@$(BIN)/python tests/bench/events/live.py

bench-pages: setup tests/bench/pages/node_modules  ## The pages with 50,000 photos: first paint, filters, frames, Lighthouse (on an idle machine)
	@cd tests && ../$(BIN)/python -m bench.pages.run --report ../docs/benchmarks/pages.md

tests/bench/pages/node_modules: tests/bench/pages/package-lock.json
	@cd tests/bench/pages && npm ci --silent --no-audit --no-fund
	@touch $@

page-looks: setup tests/clients/node_modules  ## Renew the pictures that the looks of pages are compared with, after a change that is meant
	@RENEW_LOOKS=1 $(BIN)/pytest tests/e2e/test_page_looks.py

page-pictures: setup tests/clients/node_modules  ## Take the pictures of all pages in docs/pictures anew (some minutes)
	@cd tests && ../$(BIN)/python -m support.page_pictures

bench-events: setup  ## The event log with 10 million events: filters, writers and readers at once, cost of a commit
	@$(BIN)/python tests/bench/events/run.py --report docs/benchmarks/events.md

bench-statistics: setup  ## Statistics with 10 million events: counting, reading, what the queue reads
	@$(BIN)/python tests/bench/events/counting.py --report docs/benchmarks/statistics.md

bench-fairness: setup  ## How long albums wait for each other, in virtual time (REAL=1: also a local cloud, on an idle machine)
	@cd tests && ../$(BIN)/python -m bench.fairness.run $(if $(REAL),--real) --report ../docs/benchmarks/fairness.md

bench-scenes: setup  ## Scenes of videos with known cuts, ours and PySceneDetect's where installed (CLIPS=folder)
	@test -d "$(CLIPS)" || { echo "give CLIPS=folder of clips" >&2; exit 2; }
	@cd tests && ../$(BIN)/python -m bench.video.scenes "$(abspath $(CLIPS))"

bench-label-search: setup  ## Relevance of searches by words, in three languages, and what label search costs a photo
	@cd tests && ../$(BIN)/python -m bench.label_search.run --json ../docs/benchmarks/label-search.json
	@cd tests && ../$(BIN)/python -m bench.label_search.speed

bench-people: setup  ## Quality and speed of clustering: synthetic albums and, of FACES=folder BIBS=folder, labelled ones
	@$(BIN)/python tests/bench/people/run.py $(if $(FACES),--faces "$(FACES)") $(if $(BIBS),--bibs "$(BIBS)")

bench-webhooks: setup  ## How much a webhook that never answers delays the others
	@cd tests && ../$(BIN)/python -m bench.events.webhooks

bench-notifications: setup  ## From an indexed photo to the message about it, with 1,000 subscriptions
	@cd tests && ../$(BIN)/python -m bench.events.notifications

gpu-check: setup  ## The analysis on this machine's GPU against its bars, in 8 minutes (DATA=folder of labelled photos)
	@mkdir -p out
	@cd tests && ../$(BIN)/python -m bench.gpu.check "$(abspath $(DATA))" --json ../out/gpu-check.json

gpu-pack: setup  ## What gpu-check needs on a machine without network, in files to carry there (OUT=folder)
	@cd tests && ../$(BIN)/python -m bench.gpu.pack "$(abspath $(OUT))" --photos "$(abspath $(DATA))"

crash-emulators: setup  ## Kill each server a hundred times under load (about 9 minutes)
	@$(BIN)/python tests/bench/emulators/crashes.py

COUNT ?= 500

erase-check: setup  ## Kill erasures at every step, and look for what they left (COUNT=500 photos; about 15 minutes)
	@$(BIN)/python tests/bench/erasing/crashes.py --photos $(COUNT)

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

terraform-applied: setup  ## Write terraform/tables/applied.json, by which the local cloud knows who may do what
	@cd tests && ../$(BIN)/python -m support.terraform_applied

check-deployment: setup  ## checkov, hadolint and the Cloud Build schema over what is deployed
	@terraform/check_tools.sh

audit: setup $(AUDIT)/.ready  ## Known vulnerabilities of every locked package; fails, too, where advisories cannot be reached
	@PIP_AUDIT=$(AUDIT)/bin/pip-audit $(BIN)/python supply_chain/audit.py

$(AUDIT)/.ready: supply_chain/audit.txt
	@if [ -t 2 ]; then echo "installing pip-audit into $(AUDIT) …" >&2; fi
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

sbom: setup  ## What each image holds, with hashes and licences (CycloneDX, in out/); fails on a forbidden licence
	@$(BIN)/python supply_chain/sbom.py out

check-images: setup  ## Both images' install steps in fresh environments; starts every target (about 5 minutes)
	@$(BIN)/python tests/e2e/deployment/reproduce_images.py

COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

lock: setup  ## Write the lock files anew (newest versions that pyproject.toml allows)
	@$(COMPILE) --extra functions --extra cpu --extra models --extra local --extra demo --extra rekognition --extra deploy \
		--extra dev \
		-o requirements.txt pyproject.toml
	@$(COMPILE) --extra functions --extra cpu -o functions/requirements.txt pyproject.toml
	@$(COMPILE) --extra gpu -o gpu_jobs/requirements-cuda12.txt pyproject.toml
	@$(COMPILE) --extra gpu-cuda13 -o gpu_jobs/requirements-cuda13.txt pyproject.toml
	@$(COMPILE) --extra models -o functions/requirements-build.txt pyproject.toml functions/requirements-build.in
	@$(COMPILE) -o tests/clients/requirements.txt tests/clients/requirements.in
	@$(COMPILE) -o supply_chain/audit.txt supply_chain/audit.in

clean:  ## Remove what was built
	rm -rf $(VENV) $(VENV)-bench $(VENV)-clients $(VENV)-fuzz $(VENV)-mutate rust_core/target tests/clients/node_modules \
		tests/bench/pages/node_modules
