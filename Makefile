# make demo   creates .venv, installs, diagnoses the demo patients, serves the workbench
# make test   installs what tests need and runs them all
# make setup | check | bench
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# A folder of data sets beside the clone is used when there is one; set SUWEN_DATA to name others.
export SUWEN_DATA ?= $(abspath $(wildcard ../shared/data))
DEMO_ARGS ?=
# Compiled once, not again by every worker and every program that a test starts.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup check test bench demo clean

demo: .venv/.base
	$(BIN)/suwen demo $(DEMO_ARGS)

setup: .venv/.all

check: .venv/.all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/.all
	scripts/peers.sh
	$(BIN)/python -m slipcover --json --out .coverage.json -m pytest -n 2 --dist loadscope --no-loadscope-reorder
	$(BIN)/python -m slipcover --merge .coverage.json --out .coverage.json --skip-covered --fail-under 85

bench: .venv/.all
	$(BIN)/python -m benchmarks

.venv/.base: constraints.txt pyproject.toml scripts/setup.sh
	scripts/setup.sh $(PYTHON) "[demo]"
	@touch $@

.venv/.all: constraints.txt pyproject.toml scripts/setup.sh
	scripts/setup.sh $(PYTHON) "[train,ocr,demo,dev]"
	@touch $@ .venv/.base

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
