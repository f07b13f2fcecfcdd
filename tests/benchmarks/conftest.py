"""Access to the benchmarks, which are scripts and not installed."""

import importlib

import pytest


@pytest.fixture
def load_benchmark(repository, monkeypatch):
    """A function from the name of a module of benchmarks/ to the module."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    return importlib.import_module
