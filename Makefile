# make run   sets everything up, queues the demo when the workspace is empty, and opens the app
# make test  sets everything up and runs the tests
PYTHON ?= python3
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 4 ] && echo 4 || echo $$n)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run test setup setup-dev assets lint types contracts slow browser wheel screenshots check clean

run: setup
	@$(BIN)/closecall demo --if-empty || echo "The app opens without the demo; queue it from the Overview page later."
	@exec $(BIN)/closecall app --port $(PORT)

test: setup-dev assets
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow and not browser and not wheel"

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Close Call needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is incomplete. Install it (Debian, Ubuntu: apt install python3-venv) and call make again."; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Close Call into $(VENV); the first time takes some minutes."
	@$(PIP) "pip>=25.1"
	@$(PIP) -e ".[train]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need."
	@$(PIP) -e ".[all]" --group dev
	@touch $@

assets: setup
	@$(BIN)/closecall assets

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

contracts: setup-dev
	$(BIN)/lint-imports

slow: setup-dev assets
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "slow and not browser and not wheel"

browser: setup-dev assets
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest -m browser tests/e2e

# Builds sdist and wheel, installs the wheel in empty environments and uses it there.
wheel: setup-dev
	$(BIN)/python -m pytest -n 1 -m wheel tests/test_wheel.py

screenshots: setup-dev
	$(BIN)/python docs/make_screenshots.py

check: lint types contracts test slow browser wheel

clean:
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .import_linter_cache
