"""The worked examples in the docstrings of the package."""

import doctest
import importlib
import pkgutil

import pytest

import spark_jobs.wikitext

MODULES = [module.name for module in pkgutil.walk_packages(spark_jobs.wikitext.__path__, "spark_jobs.wikitext.")]


@pytest.mark.parametrize("name", MODULES)
def test_doctests_pass(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
