# Each goal brings a bare machine up by itself: `make setup` builds .venv in this folder, the others rest on it.
PYTHON ?= python3
BIN    := .venv/bin
STAMP  := .venv/.complete

.PHONY: setup demo test lint bench clean
.DEFAULT_GOAL := help

help:                     ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(STAMP)           ## make .venv with the versions of constraints.txt
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	if command -v uv >/dev/null; then \
	    VIRTUAL_ENV=.venv uv pip install --constraint constraints.txt --editable '.[dev]'; \
	elif $(BIN)/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null; then \
	    VIRTUAL_ENV=.venv $(BIN)/uv pip install --constraint constraints.txt --editable '.[dev]'; \
	else \
	    $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'; \
	fi
	touch $(STAMP)

demo: $(STAMP)            ## the main job on embedded data: encode, train, compare, report (about 5 minutes on 2 cores)
	$(BIN)/img-repr bench recipes/demo.toml --out runs/demo

test: $(STAMP) lint       ## style, types and every test that this machine can run
	$(BIN)/python -m pytest

lint: $(STAMP)            ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)           ## speed and memory beside pyts, on the same work in the same run
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s

clean:                    ## remove what the goals above made
	rm -rf .venv runs .pytest_cache .mypy_cache .ruff_cache
