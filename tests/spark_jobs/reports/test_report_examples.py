"""The worked examples in the docstrings of the reports and of rendering."""

import doctest
from types import ModuleType

import pytest

from spark_jobs.rendering import name_placement
from spark_jobs.reports import build_report, histogram, wiki_report


@pytest.mark.parametrize("module", [build_report, histogram, name_placement, wiki_report], ids=lambda module: module.__name__)
def test_the_worked_examples_are_true(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
