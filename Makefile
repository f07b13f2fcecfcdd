# `make` alone lists the targets. Everything is installed into .venv, once; VENV=... puts it elsewhere.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo experiment test test-slow test-all lint types dist dist-environment docs reference clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(STAMP)  ## find or install what is needed: Java, a C++ compiler, the virtual environment

$(STAMP): pyproject.toml setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" ./setup.sh
	@touch $@

demo: $(STAMP)  ## the whole line on the sample wikis: build, train on two ranks, evaluate before and after
	@./demo.sh

experiment: $(STAMP)  ## does it work? a controlled experiment on two cores; ARGS=--quick tries the machinery in minutes
	@python -m benchmarks.transfer.run $(ARGS)

test: $(STAMP)  ## the fast tests
	pytest -m "not slow"

test-slow: $(STAMP)  ## the slow tests
	pytest -m slow

test-all: test test-slow  ## all tests

lint: $(STAMP)  ## style, who may import whom, docker/
	ruff check .
	ruff format --check .
	lint-imports
	hadolint docker/*.Dockerfile
	check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml

types: $(STAMP)  ## static types
	mypy

dist: $(STAMP)  ## our code as build/dist/leia.zip, for spark-submit --py-files
	@PYTHON="$(BIN)/python" ./dist.sh

dist-environment: $(STAMP)  ## and the workers' Python libraries as build/dist/environment.tar.gz, for --archives
	@PYTHON="$(BIN)/python" ./dist.sh environment

docs: $(STAMP)  ## the documentation as a site, in build/site; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

reference: $(STAMP)  ## write the generated pages of docs/reference again, from the code
	python -m docs.generate_reference

clean:  ## remove what was built (the virtual environment stays)
	rm -rf build spark-warehouse .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
