"""Options of a data source, from text to values."""

import doctest
import re

import pytest

import spark_jobs.sources.source_options
from spark_jobs.sources.source_options import SourceError, check_names, read_mode, read_names, read_numbers, read_size


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.sources.source_options).failed == 0


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (
            lambda: check_names({"Modes": "y"}, ["path", "mode"]),
            "unknown option 'Modes'; the options are path, mode",
        ),
        (lambda: read_mode("strict"), "mode: 'strict' is none of PERMISSIVE, DROPMALFORMED, FAILFAST"),
        (lambda: read_size("size", "", 1), "size: '' is not a number of bytes above 0; write 33554432 or 32m"),
        (lambda: read_size("size", "0k", 1), "size: '0k' is not a number of bytes above 0"),
        (lambda: read_size("size", "-1", 1), "size: '-1' is not a number of bytes above 0"),
        (lambda: read_size("size", "1.5g", 1), "size: '1.5g' is not a number of bytes above 0"),
        (lambda: read_size("size", "1 p", 1), "size: '1 p' is not a number of bytes above 0"),
        (lambda: read_names("columns", " , ", "ab", "a"), "columns: ' , ' is none of a, b"),
        (lambda: read_names("columns", "a,c", "ab", "a"), "columns: 'c' is none of a, b"),
        (lambda: read_names("columns", "a,a", "ab", "a"), "columns: 'a,a' names a column twice"),
        (lambda: read_size("size", "٣٢m", 1), "size: '٣٢m' is not a number of bytes above 0"),
        (lambda: read_numbers("namespaces", "٠"), "namespaces: '٠' is not a list of numbers; write 0,10"),
        (lambda: read_numbers("namespaces", "1_0"), "namespaces: '1_0' is not a list of numbers"),
        (lambda: read_numbers("namespaces", ""), "namespaces: '' is not a list of numbers; write 0,10"),
        (lambda: read_numbers("namespaces", "0,x"), "namespaces: '0,x' is not a list of numbers"),
    ],
)
def test_a_wrong_value_is_refused_with_the_allowed_ones(read, message: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(message)}"):
        read()


@pytest.mark.parametrize(("text", "mode"), [(None, "PERMISSIVE"), ("", "PERMISSIVE"), ("failFast", "FAILFAST")])
def test_a_mode_is_read_in_any_case(text: str | None, mode: str) -> None:
    assert read_mode(text) == mode


@pytest.mark.parametrize(
    ("text", "size"),
    [(None, 7), ("1", 1), (" 12 ", 12), ("3b", 3), ("2k", 2048), ("2KB", 2048), ("2 KiB", 2048), ("1g", 2**30), ("1T", 2**40)],
)
def test_a_size_is_read_in_the_notation_of_spark(text: str | None, size: int) -> None:
    assert read_size("size", text, 7) == size


@pytest.mark.parametrize(("text", "names"), [(None, ("b", "a")), ("a", ("a",)), (" b ,,a", ("b", "a"))])
def test_names_keep_their_order(text: str | None, names: tuple[str, ...]) -> None:
    assert read_names("columns", text, ["a", "b"], ["b", "a"]) == names


@pytest.mark.parametrize(("text", "numbers"), [(None, None), ("0", {0}), (" 0, -2,0", {0, -2})])
def test_numbers_are_a_set(text: str | None, numbers: set[int] | None) -> None:
    assert read_numbers("namespaces", text) == numbers
