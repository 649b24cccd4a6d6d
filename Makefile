# Everything is set up in .venv. A stamp is written only after its whole installation has succeeded, so an interrupted
# one is resumed by the next call, and a finished one costs nothing until pyproject.toml changes.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
WORKERS ?= 2
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python

EXTRAS_verify := data,certify
EXTRAS_test := test,data
EXTRAS_lint := dev

.DEFAULT_GOAL := help
.NOTPARALLEL: # two installations into one .venv would collide
.PHONY: help verify test lint figures clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18
	@echo 'Arguments are passed on: make verify ARGS=--quick, make test ARGS="-k circle", make figures ARGS=--list'
	@echo 'Another interpreter for a new .venv: make test PYTHON=python3.13'

verify: $(VENV)/stamp-verify ## check every claim; writes results/report.html
	$(PY) -m verification $(ARGS)

# Each worker computes on one thread; tests that compare numbers of threads start their own processes.
test: $(VENV)/stamp-test ## run the tests
	NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses $(WORKERS) $(ARGS)

lint: $(VENV)/stamp-lint ## style, types and layers
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

figures: $(VENV)/stamp-verify ## draw the figures of the papers into figures/
	$(PY) -m paper_figures $(ARGS)

clean: ## remove .venv, caches, results/ and figures/
	rm -rf $(VENV) build dist results figures *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/stamp-venv:
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/stamp-%: pyproject.toml $(VENV)/stamp-venv
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS_$*)]'
	@touch $@
