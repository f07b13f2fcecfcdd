"""Commands, run in the process of the test."""

import runpy
import sys
from unittest import mock

import pytest


def run_module(name: str, *arguments: object) -> int | None:
    """Run `python -m NAME ARGUMENTS...` and return its exit code; standard output and error are those of the test."""
    with mock.patch.object(sys, "argv", [name, *map(str, arguments)]), pytest.raises(SystemExit) as ended:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    assert ended.value.code is None or isinstance(ended.value.code, int)
    return ended.value.code
