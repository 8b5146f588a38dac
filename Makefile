# Everything a newcomer needs. Each target first installs what it needs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt
# One worker more than the two cores that the limits are for: some tests wait for other processes.
XDIST ?= -n 3 --dist loadgroup
SEED ?= 7
# Images often forbid bytecode, and then every process of ours compiles a thousand modules again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run demo test test-deep check bench new-product features format clean
.DELETE_ON_ERROR:

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "Twinrig needs Python 3.11 to 3.13; say which: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No virtual environment: on Debian and Ubuntu install python3-venv" >&2; exit 2; }

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Twinrig into $(VENV) (once) ..." >&2
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@echo "Installing what the tests need into $(VENV) (once) ..." >&2
	@$(PIP) --editable '.[dev,load,parquet,postgres]'
	@touch $@

run: $(VENV)/.base ## The main job: a bearing wears out, through the embedded broker
	@$(BIN)/twinrig run scenarios/pumps/bearing-wears-out.yaml --seed $(SEED) $(ARGS)

demo: $(VENV)/.base ## The presenter's page in the browser
	@$(BIN)/twinrig demo $(ARGS)

test: $(VENV)/.dev ## The tests, at most 6 minutes on 2 cores (ARGS="-k word" for some)
	@$(BIN)/python -m pytest -m 'not deep' $(XDIST) $(ARGS)

test-deep: $(VENV)/.dev ## The long tests: many examples, PostgreSQL, a wheel in a fresh environment
	@$(BIN)/python -m pytest -m deep $(XDIST) $(ARGS)

check: $(VENV)/.dev ## Format, lint, types, rules of import
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev ## The benchmark table, and build/bench.json
	@$(BIN)/python tests/bench $(ARGS)

new-product: $(VENV)/.base ## A folder for a product of your own (NAME=elevator)
	@$(BIN)/twinrig twins new $(if $(NAME),$(NAME),$(error Say which: make new-product NAME=elevator))

features: $(VENV)/.dev ## docs/features.md anew, from the tests' marks and what their last run said
	@$(BIN)/python -m pytest --collect-only --quiet --quiet --write-features

format: $(VENV)/.dev ## Mend what a formatter can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

clean: ## Remove what was built
	@rm -rf $(VENV) build dist runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
