# The verbs of the project; `make help` lists them.
PYTHON ?= python3
PROFILE ?= quick
export DAGSTER_MODULE_NAME := calibration_assets.definitions
export DAGSTER_HOME := $(CURDIR)/.dagster
export PYTHONWARNINGS := ignore
BIN := .venv/bin
READY := .venv/.ready .dagster/dagster.yaml

.DEFAULT_GOAL := help
.PHONY: help calibrate calibrate-build data database dev prune sweep test test-all check bench bench-matrix clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cps,dev]'
	@touch $@

.dagster/dagster.yaml:
	@mkdir -p .dagster && ln -sf ../dagster.yaml $@

calibrate: $(READY)  ## records, targets, matrix and weights, then a page of figures (PROFILE=quick or full, PUF=path)
	$(BIN)/python -m calibration_assets.defs.run calibrate --profile profiles/$(PROFILE).yaml $(if $(PUF),--puf-dataset "$(PUF)")

calibrate-build: $(READY)  ## the same without fitting: saves the calibration package
	$(BIN)/python -m calibration_assets.defs.run calibrate_build --profile profiles/$(PROFILE).yaml $(if $(PUF),--puf-dataset "$(PUF)")

data: $(READY)  ## the stratified CPS alone
	$(BIN)/python -m calibration_assets.defs.run data --profile profiles/$(PROFILE).yaml

database: $(READY)  ## the target database alone
	$(BIN)/python -m calibration_assets.defs.run database --profile profiles/$(PROFILE).yaml

sweep: $(READY)  ## a fit for every point of calibration_assets/sweep.yaml (POINTS=a,b for some), then compared
	$(BIN)/python -m calibration_assets.defs.run_sweep --profile profiles/$(PROFILE).yaml --points "$(POINTS)"

dev: $(READY)  ## the Dagster UI on http://127.0.0.1:3000
	env -u DAGSTER_MODULE_NAME $(BIN)/dagster dev

prune: $(READY)  ## remove stored versions that nothing refers to any more, and say which
	$(BIN)/python -m calibration_assets.defs.prune

test: $(READY)  ## the fast tests
	$(BIN)/python -m pytest

test-all: $(READY)  ## every test, also the slow ones
	$(BIN)/python -m pytest -m ''

check: $(READY)  ## style, types and import rules
	$(BIN)/ruff check . && $(BIN)/mypy

bench: $(READY)  ## the fit against l0-python and other methods
	$(BIN)/python -m benchmarks.fit

bench-matrix: $(READY)  ## the matrix build by phase
	$(BIN)/python -m benchmarks.matrix

clean:  ## forget the environment; stored values stay
	rm -rf .venv .dagster
