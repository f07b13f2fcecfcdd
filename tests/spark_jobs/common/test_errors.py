"""The first line of an error."""

import pytest

from spark_jobs.common.errors import first_line


@pytest.mark.parametrize(
    ("message", "limit", "line"),
    [
        ("", None, ""),
        ("\n \n", None, ""),
        ("\n  a b \nc", None, "a b "),
        ("abcdef\ng", 3, "abc"),
        ("abc", 10, "abc"),
        ("abc", 0, ""),
    ],
)
def test_the_first_line_of_a_message_is_cut_to_the_limit(message: str, limit: int | None, line: str) -> None:
    assert first_line(ValueError(message), limit) == line
