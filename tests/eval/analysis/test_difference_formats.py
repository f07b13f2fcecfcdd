"""Intervals and p values as text."""

from dataclasses import replace

import pytest

from eval.analysis.difference_formats import format_interval, format_p
from eval.analysis.significance import PairedDifference

FOUND = PairedDifference(points=1.0, low=-1.84, high=4.0, p=0.5, detectable=2.0, items=10, clusters=10, test="exact McNemar")


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-1.84, 4.0, "-1.8 to +4.0"),
        (0.0, 0.04, "+0.0 to +0.0"),
        (-12.25, -3.0, "-12.2 to -3.0"),
        (99.96, 100.0, "+100.0 to +100.0"),
    ],
)
def test_an_interval_has_signs_and_one_digit(low, high, text):
    assert format_interval(replace(FOUND, low=low, high=high)) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "< 0.001"), (0.000999, "< 0.001"), (0.001, "0.001"), (0.0312, "0.031"), (0.9996, "1.000"), (1.0, "1.000")],
)
def test_a_p_value_has_three_digits_and_is_never_zero(p, text):
    assert format_p(p) == text
