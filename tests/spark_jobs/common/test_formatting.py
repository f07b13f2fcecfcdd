"""Numbers for people, at the borders between two units."""

import pytest

from spark_jobs.common.formatting import format_bytes, format_count, format_percent, format_seconds, format_si


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (34, 17_000, "0.2"), (1, 2001, "<0.1"), (1, 2000, "0.1"), (0, 17_000, "0"), (0, 0, "–"), (5, 5, "100"), (1, 3, "33.3"),
        (9_999_999, 10_000_000, ">99.9"), (999, 1000, "99.9"), (1, 10**12, "<0.1"),
    ],
)  # fmt: skip
def test_a_share_is_nothing_or_all_only_if_it_is(part: int, whole: int, text: str) -> None:
    assert format_percent(part, whole) == text


@pytest.mark.parametrize("value", [0, -1])
def test_a_value_that_is_not_above_zero_has_no_si_prefix(value: float) -> None:
    with pytest.raises(ValueError, match=r"math domain error|expected a positive input"):
        format_si(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5 "),
        (999, "999 "),
        (1000, "1 k"),
        (1234, "1.23 k"),
        (999_000, "999 k"),
        (1e6, "1 M"),
        (2.5e18, "2.5 E"),
    ],
)
def test_an_si_prefix_is_one_of_the_powers_of_1000_up_to_exa(value: float, text: str) -> None:
    assert format_si(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (999.6, "1,000"), (-1234, "-1,234"), (10**9, "1,000,000,000")]
)
def test_a_count_is_whole_with_separators(value: float, text: str) -> None:
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (2**20 - 2**10, "1023.0 KiB"),
        (2**20, "1.0 MiB"),
        (2**30, "1.0 GiB"),
        (1.5 * 2**40, "1.5 TiB"),
        (2**50, "1024.0 TiB"),
    ],
)
def test_bytes_have_a_binary_unit_up_to_tebibytes(value: float, text: str) -> None:
    assert format_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 0, "0 s"),
        (59.4, 0, "59 s"),
        (59.6, 0, "1 min 0 s"),
        (59.94, 1, "59.9 s"),
        (59.96, 1, "1 min 0 s"),
        (3599.4, 0, "59 min 59 s"),
        (3599.6, 0, "1 h 0 min"),
        (48 * 3600 - 1, 0, "47 h 59 min"),
        (48 * 3600, 0, "2 d 0 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(value: float, digits: int, text: str) -> None:
    assert format_seconds(value, digits) == text
