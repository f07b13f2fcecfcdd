"""Values of a run as text."""

import numpy as np
import pytest

from training.report.value_formatting import format_change, format_event, format_median, format_short_count

NAN = float("nan")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"step": 1, "event": "checkpoint"}, ""),
        ({"step": 1, "event": "checkpoint", "path": "run/step-1", "seconds": 1.2345}, "path run/step-1; seconds 1.23"),
        ({"event": "held_out", "loss": {"jawiki": 3.21449, "eswiki": 2.0}}, "loss jawiki 3.214, eswiki 2"),
        ({"event": "skipped", "reason": "the loss is nan", "sequences": ["8-9", "12"]}, "the loss is nan; sequences 8-9, 12"),
        ({"event": "resumed", "old_ranks": 2}, "old ranks 2"),
    ],
)
def test_an_event_is_text_without_its_step_and_kind(event, text):
    assert format_event(event) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999_999, "999,999"),
        (1_000_000, "1 M"),
        (12_345_678, "12.3 M"),
        (999_499_999, "999 M"),
        (1_500_000_000, "1.5 B"),
        (2_345_678_900_000, "2,346 B"),
    ],
)
def test_counts_from_a_million_on_have_three_digits_and_a_letter(count, text):
    assert format_short_count(count) == text


@pytest.mark.parametrize(
    ("values", "change", "median"),
    [
        ([], "–", "–"),
        ([NAN], "–", "–"),
        ([4.0], "4.0", "4"),
        ([NAN, 1234.0, NAN], "1234.0", "1,234"),
        ([NAN, 4.25, 9.0, 2.0, NAN], "4.2 → 2.0", "4"),
    ],
)
def test_unknown_values_are_left_out(values, change, median):
    assert format_change(np.array(values), digits=1) == change
    assert format_median(np.array(values)) == median
