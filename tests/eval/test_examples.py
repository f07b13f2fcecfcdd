"""The examples in docstrings of eval are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import eval

MODULES = sorted(
    ".".join(path.relative_to(Path(eval.__file__).parents[1]).with_suffix("").parts)
    for path in Path(eval.__file__).parent.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
