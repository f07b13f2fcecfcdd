# `make` alone lists the targets. The first one that needs it installs everything into .venv; set VENV=... for another folder.
PYTHON ?= python3
VENV ?= .venv
# Processes of pytest for the fast tests: one more than the cores of a small machine, because a test of a training run often waits.
# The slow tests start whole clusters and runs, one after the other.
WORKERS ?= 3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo experiment test test-slow test-all lint types constraints dist dist-environment docs reference clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

setup: $(STAMP)  ## find or install Java, a C++ compiler and the virtual environment

$(STAMP): pyproject.toml constraints.txt setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" ./setup.sh
	@touch $@

demo: $(STAMP)  ## the whole pipeline on the sample wikis: build, train on two ranks, evaluate before and after
	@./demo.sh

experiment: $(STAMP)  ## the controlled experiment on two CPU cores; ARGS=--quick runs a small version in minutes
	@python -m benchmarks.transfer.run $(ARGS)

test: $(STAMP)  ## run the fast tests
	pytest -m "not slow" -n $(WORKERS)

test-slow: $(STAMP)  ## run the slow tests
	pytest -m slow

test-all: test test-slow  ## run all tests

lint: $(STAMP)  ## check style, import rules, English, docker/ and .github/
	ruff check .
	ruff format --check .
	lint-imports
	python docs/plain_english.py
	hadolint docker/*.Dockerfile
	check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	check-jsonschema --builtin-schema vendor.github-issue-forms \
	  .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/wrong_extraction.yml
	check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

types: $(STAMP)  ## check static types
	mypy

constraints: $(STAMP)  ## write the versions that are installed in .venv to constraints.txt
	@pip list --format=freeze --exclude leia-at-scale --exclude pip --exclude setuptools --exclude wheel --exclude uv \
	  | grep -viE '^(cuda|nvidia|triton)' | sed 's/+.*//' >$(VENV)/versions
	@{ sed '/^[^#]/d' constraints.txt; cat $(VENV)/versions; } >$(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt && touch $(STAMP)

dist: $(STAMP)  ## pack the code as build/dist/leia.zip, for spark-submit --py-files
	@PYTHON="$(BIN)/python" ./dist.sh

dist-environment: $(STAMP)  ## also pack the workers' Python libraries as build/dist/environment.tar.gz, for --archives
	@PYTHON="$(BIN)/python" ./dist.sh environment

docs: $(STAMP)  ## build the documentation site in build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

reference: $(STAMP)  ## write the generated pages of docs/reference from the code
	python -m docs.generate_reference

clean:  ## remove build products and caches, but keep the virtual environment
	rm -rf build spark-warehouse .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
