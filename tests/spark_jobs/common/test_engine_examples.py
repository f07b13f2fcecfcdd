"""The worked examples in the docstrings of the shared code, the contract, publishing and the Spark runtime are true."""

import doctest
import importlib
import pkgutil

import pytest

import spark_jobs.common
import spark_jobs.contract
import spark_jobs.publishing
import spark_jobs.runtime

PACKAGES = (spark_jobs.common, spark_jobs.contract, spark_jobs.publishing, spark_jobs.runtime)
MODULES = [f"{package.__name__}.{module.name}" for package in PACKAGES for module in pkgutil.iter_modules(package.__path__)]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_the_worked_examples_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
