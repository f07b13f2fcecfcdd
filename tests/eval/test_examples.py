"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import eval

MODULES = sorted(
    f"eval.{path.stem}" for path in Path(eval.__file__).parent.glob("*.py") if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", [*MODULES, "eval.tasks.xcsr.xcsr_documents"])
def test_examples_give_what_they_say(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
