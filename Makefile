# Each goal brings a bare machine up by itself: .venv in this folder holds the package, and for the tests its tools.
PYTHON ?= python3
BIN    := .venv/bin
RUN    := .venv/.package
DEV    := .venv/.tools
PEERS  := .venv/.peers
FROM   := --constraint constraints.txt --editable

comma := ,

# uv where it is or can be had, else venv and pip
define install
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv || (rm -rf .venv && uv venv --seed --python '$(PYTHON)' .venv)
	uv="$$(command -v uv || ($(BIN)/python -m pip install --quiet --disable-pip-version-check uv && echo $(BIN)/uv))"; \
	    (test -n "$$uv" && VIRTUAL_ENV=.venv "$$uv" pip install $(FROM) '$(1)') \
	    || $(BIN)/python -m pip install --disable-pip-version-check $(FROM) '$(1)'
	touch $@
endef

.PHONY: help setup demo test test-all lint fuzz bench clean
.DEFAULT_GOAL := help

help:                     ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(DEV)             ## make .venv with the versions of constraints.txt
$(RUN): pyproject.toml constraints.txt
	$(call install,.[pretrained])
$(DEV): $(RUN)
	$(call install,.[dev])
$(PEERS): $(DEV)
	$(call install,.[dev$(comma)peers])

demo: $(RUN)              ## the main job on embedded data: encode, train, compare, report (minutes on 2 cores)
	$(BIN)/img-repr bench recipes/demo.toml --out runs/demo

test: $(DEV) lint         ## style, types and the tests of a few seconds each (under 10 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not benchmark' --durations 10

test-all: $(DEV) lint     ## style, types and every test that this machine can run
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations 40

lint: $(DEV)              ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(DEV)              ## 20,000 damaged files over all formats: each is read or refused in one sentence
	IMG_REPR_FUZZ=20000 $(BIN)/python -m pytest tests/fuzz -n 2

bench: $(PEERS)           ## speed, memory and accuracy next to pyts, librosa, fastai, on the same work in the same run
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s

clean:                    ## remove what the goals above made
	rm -rf .venv runs .pytest_cache .mypy_cache .ruff_cache
