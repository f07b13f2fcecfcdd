"""MySQL's literals of text."""

import doctest

import pytest

import spark_jobs.dumps.sql.sql_literals
from spark_jobs.dumps.sql.sql_literals import read_literal, unescape_string


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.sql.sql_literals).failed == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"", b""),
        (b"a\nb", b"a\nb"),
        (rb"\0\b\n\r\t\Z", b"\0\b\n\r\t\x1a"),
        (rb"\'\"\\", b"'\"\\"),
        (rb"\a\N", b"aN"),
        (rb"100\% \_", rb"100\% \_"),
        (b"''''a''", b"''a'"),
        (rb"\\n\\''", rb"\n\'"),
        (b"\\\n", b"\n"),
    ],
)
def test_escapes_are_resolved(text: bytes, value: bytes) -> None:
    assert unescape_string(text) == value


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (b"''", b""),
        (b"'0x41'", b"0x41"),
        (rb"'a\'b''c'", b"a'b'c"),
        (b"_binary 'a'", b"a"),
        (b"_BINARY'a'", b"a"),
        (b"0x", b""),
        (b"0x4f4B", b"OK"),
        (b"0X927", b"\x09\x27"),
        (b"x'4F4b'", b"OK"),
        (b"X''", b""),
    ],
)
def test_a_literal_is_read_in_every_notation(literal: bytes, value: bytes) -> None:
    assert read_literal(literal) == value
