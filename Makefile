# `make` alone lists the targets. Everything is installed into .venv, once; VENV=... puts it elsewhere.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-all lint types clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(STAMP)  ## find or install what is needed: Java, a C++ compiler, the virtual environment

$(STAMP): pyproject.toml setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" ./setup.sh
	@touch $@

demo: $(STAMP)  ## the whole line on the sample wikis: build, train on two ranks, evaluate before and after
	@./demo.sh

test: $(STAMP)  ## the fast tests
	pytest -m "not slow"

test-slow: $(STAMP)  ## the slow tests
	pytest -m slow

test-all: test test-slow  ## all tests

lint: $(STAMP)  ## style, who may import whom, Dockerfiles
	ruff check .
	ruff format --check .
	lint-imports
	hadolint docker/*.Dockerfile

types: $(STAMP)  ## static types
	mypy

clean:  ## remove what was built (the virtual environment stays)
	rm -rf build spark-warehouse .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
