# Pennyroute's commands. `make help` lists them; everything is installed into .venv, from hash-locked files.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
# A lock names every package, so pip has nothing to resolve (--no-deps), and by hash, so nothing else gets in.
# Not compiled when installed: Python compiles what is really imported on first use, and most never is.
PIP_INSTALL := bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-compile
UV_VERSION := 0.13.9
CLUSTER_TESTS := $(addprefix tests/,access answers archive budgets ladder ledger outcomes replay reports routes store)
CODE := router classifiers policies tests benchmarks

.PHONY: help
help: ## list these commands
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | \
	while IFS='	' read -r name what; do printf '  make %-14s %s\n' "$$name" "$$what"; done

# --- use it -----------------------------------------------------------------------------------------

.PHONY: run
run: .venv/.installed ## install what is locked, then start the service (ARGS="--port 9000" are passed on)
	@exec $(BIN)/pennyroute serve $(ARGS)

.PHONY: install
install: .venv/.installed ## install what is locked and leave .venv/bin/pennyroute
	@:

.PHONY: demo
demo: .venv/.installed ## send a sample workload and print its cost report, with the service up or down
	@exec $(BIN)/pennyroute demo $(ARGS)

.venv/bin/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$$python cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; }; \
	  "$$python" -m venv --clear .venv || { rm -rf .venv; exit 1; }; \
	  exit 0; \
	done; \
	echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3" >&2; exit 1

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing what requirements.lock lists into .venv; the first time takes up to a minute."
	@.venv/$(PIP_INSTALL) --require-hashes --no-deps -r requirements.lock
	@.venv/$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# --- work on it -------------------------------------------------------------------------------------

.PHONY: install-dev
install-dev: .venv/.installed-dev ## the same with the tools for tests, lint and types
	@:

.venv/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing what requirements-dev.lock lists into .venv; the first time takes up to a minute."
	@.venv/$(PIP_INSTALL) --require-hashes --no-deps -r requirements-dev.lock
	@.venv/$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch .venv/.installed $@

.PHONY: test
test: format-check lint types contracts ## everything: format, lint, types, import contracts, all tests
	@$(BIN)/python -m pytest -q -n auto -m "not local" $(ARGS)

.PHONY: cluster
cluster: .venv/.installed-dev ## the ledger's tests against a Redis Cluster and against Sentinels, started for them
	@$(BIN)/python -m pytest -q -n auto --stores cluster,sentinel -k "cluster or sentinel" $(CLUSTER_TESTS) $(ARGS)

.PHONY: test-local
test-local: build/local/.installed ## a real small model answers (its runtime is built once, in about five minutes)
	@build/local/bin/python -m pytest -q -m local $(ARGS)

# An environment of its own, so that the other tests run without what only this one needs. pip keeps the runtime
# that it has built in its cache. It builds with what is locked, not with what pip would fetch for it.
build/local/.installed: requirements-local.lock requirements-local-build.lock pyproject.toml | .venv/bin/python
	@echo "Installing what requirements-local.lock lists into build/local; the first time takes about five minutes."
	@$(BIN)/python -m venv --clear build/local
	@build/local/$(PIP_INSTALL) --require-hashes --no-deps -r requirements-local-build.lock
	@build/local/$(PIP_INSTALL) --no-build-isolation --require-hashes --no-deps -r requirements-local.lock
	@build/local/$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: format
format: .venv/.installed-dev ## rewrite the code in the one format
	@$(BIN)/ruff format $(CODE)

.PHONY: format-check
format-check: .venv/.installed-dev
	@$(BIN)/ruff format --check --quiet $(CODE) || \
	{ echo "not in the one format (make format):" >&2; $(BIN)/ruff format --check $(CODE) >&2; exit 1; }

.PHONY: lint
lint: .venv/.installed-dev ## ruff, nearly all rules
	@$(BIN)/ruff check --quiet $(CODE)

.PHONY: types
types: .venv/.installed-dev ## mypy, strict
	@$(BIN)/mypy --no-error-summary

.PHONY: contracts
contracts: .venv/.installed-dev ## who may import whom
	@$(BIN)/lint-imports --no-logo

.PHONY: docs
docs: .venv/.installed-dev ## write what is generated in docs/ anew from the code
	@$(BIN)/python -m router.settings.reference docs
	@$(BIN)/python -m classifiers.figures docs/classifier.md
	@$(BIN)/python -m router.cli.reference docs

.PHONY: bench
bench: .venv/.installed-dev ## requests a second and latency added, against a plain passthrough
	@$(BIN)/python benchmarks/throughput.py $(ARGS)

.PHONY: lock
lock: build/uv/bin/uv ## choose versions anew within pyproject.toml's ranges; review the diff
	@COMPILE="build/uv/bin/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-header \
	  --no-annotate $(ARGS)"; UV="$$COMPILE pyproject.toml requirements-build.in"; \
	$$UV --output-file requirements.lock && \
	$$UV --group dev --constraint requirements.lock --output-file requirements-dev.lock && \
	$$UV --group dev --extra local --constraint requirements-dev.lock --output-file requirements-local.lock && \
	$$COMPILE --constraint requirements-local.lock --output-file requirements-local-build.lock \
	  requirements-local-build.in

# Resolving needs uv; nothing that runs does, so it has a throwaway environment of its own.
build/uv/bin/uv: | .venv/bin/python
	@$(BIN)/python -m venv build/uv
	@build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.PHONY: clean
clean: ## remove the environment, caches and builds; data directories stay
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
