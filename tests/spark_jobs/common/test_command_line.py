"""`--help` from a model and a docstring, and the exit code of a `ConfigurationError`."""

from pathlib import Path
from typing import Literal

import pytest
import typer
from pydantic import Field

from spark_jobs.common.command_line import EXIT_CONFIGURATION, describe_keys, exit_on_configuration_error, keep_examples
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import Settings


class Inner(Settings):
    side: Literal["left", "right"] = "left"
    """Where the name
    goes."""


class Outer(Settings):
    folder: Path
    """A folder."""
    output: Path = Path("out")
    """Another."""
    inner: Inner = Field(default_factory=Inner)
    """A section."""


def test_every_key_has_its_type_default_and_description() -> None:
    assert describe_keys(Outer).split("\n\n") == [
        "folder [Path] (required): A folder.",
        "output [Path] = 'out': Another.",
        "inner: A section.",
        "inner.side [left | right] = 'left': Where the name goes.",
    ]


def test_paragraphs_are_joined_and_examples_keep_their_lines() -> None:
    assert keep_examples("One\nline.\n\n    $ a\n    $ b\n\nEnd.") == "One line.\n\n\b\n    $ a\n    $ b\n\nEnd."


@pytest.mark.parametrize(("rank", "printed"), [("0", "error: key: [x] is wrong\n"), ("1", "")])
def test_a_configuration_error_is_printed_once_per_machine_and_exits_with_2(monkeypatch, capsys, rank, printed) -> None:
    monkeypatch.setenv("LOCAL_RANK", rank)
    with pytest.raises(typer.Exit) as caught, exit_on_configuration_error():
        raise ConfigurationError("key: [x] is wrong")
    assert caught.value.exit_code == EXIT_CONFIGURATION == 2
    assert capsys.readouterr().err == printed


def test_another_exception_keeps_its_traceback() -> None:
    with pytest.raises(KeyError), exit_on_configuration_error():
        raise KeyError("x")
