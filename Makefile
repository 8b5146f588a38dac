# Everything a newcomer needs. Each target installs what it needs into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
XDIST ?= -n 2

.PHONY: help run demo test test-deep check bench format clean

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || \
	  { echo "Twinrig needs Python 3.11 to 3.13; say which: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Twinrig into $(VENV) (once) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(PIP) --editable '.[dev,load,postgres]'
	@touch $@

run: $(VENV)/.base ## The main job: a bearing wears out, through the embedded broker
	@$(BIN)/twinrig run scenarios/pumps/bearing-wears-out.yaml --seed 7

demo: $(VENV)/.base ## The presenter's page in the browser
	@$(BIN)/twinrig demo

test: $(VENV)/.dev ## The tests, at most 6 minutes on 2 cores
	@$(BIN)/python -m pytest -m 'not deep' $(XDIST) $(ARGS)

test-deep: $(VENV)/.dev ## The long tests
	@$(BIN)/python -m pytest -m deep $(XDIST) $(ARGS)

check: $(VENV)/.dev ## Format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev ## The benchmark table, and build/bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

format: $(VENV)/.dev ## Mend what a formatter can
	@$(BIN)/ruff check --fix --quiet .; $(BIN)/ruff format .

clean: ## Remove what was built
	@rm -rf $(VENV) build dist runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
