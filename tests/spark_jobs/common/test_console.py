"""Logs on standard error, results on standard output."""

import pytest
from rich.table import Table

from spark_jobs.common.console import PIPED_WIDTH, console, print_table, result_console


@pytest.fixture(autouse=True)
def narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")


def test_logs_do_not_mix_with_results(capsys) -> None:
    console.print("a log")
    result_console().print("a result")
    assert capsys.readouterr() == ("a result\n", "a log\n")


def test_a_quiet_console_prints_nothing(capsys) -> None:
    result_console(quiet=True).print("a result")
    assert capsys.readouterr() == ("", "")


def test_a_result_in_a_pipe_is_as_wide_as_a_page(capsys) -> None:
    result_console().print("x" * (PIPED_WIDTH + 1))
    assert capsys.readouterr().out == f"{'x' * PIPED_WIDTH}\nx\n"


def test_a_table_is_not_cut_by_a_narrow_terminal(capsys) -> None:
    table = Table(box=None, show_header=False, padding=0)
    table.add_row("a" * 60, "b" * 60)
    print_table(table)
    assert capsys.readouterr() == ("", f"{'a' * 60}{'b' * 60}\n")
