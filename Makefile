# Every target sets up what it needs; the stamps in .venv remember what is installed already.
# Another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint docs bench clean

demo: .venv/.run
	$(BIN)/neuromem demo --out demo

test: lint
	$(BIN)/python -m pytest -n 2 --durations=15

lint: .venv/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: .venv/.docs
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

bench: .venv/.bench
	set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

clean:
	rm -rf build dist *.egg-info demo docs/_build docs/api/generated
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find neuromem tests benchmarks experiments -name __pycache__ -prune -exec rm -rf {} +

# pip reads dependency groups since 25.1; a venv of an older Python starts with an older pip.
.venv/.run: pyproject.toml constraints.txt
	@echo "Installing neuromem and what it needs into .venv; the first time takes a few minutes."
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(INSTALL) 'pip>=25.1'
	$(INSTALL) --editable .
	@touch $@

.venv/.test: .venv/.run
	$(INSTALL) --group lint --group test
	@touch $@

.venv/.docs: .venv/.run
	$(INSTALL) --group docs
	@touch $@

.venv/.bench: .venv/.run
	$(INSTALL) --group bench
	@touch $@
