"""When a difference of accuracy counts as shown: from numbers of right answers alone."""

import math

import pytest

from eval.difference import difference, verdict
from eval.published import Comparison
from eval.results import Score


def compared(task: str, n: int, before: int, after: int) -> Comparison:
    """`before` and `after` of `n` items right."""
    scores = ({"acc": Score(value=right / n, stderr=None)} for right in (before, after))
    return Comparison(task, n, 0.25, "standard", *scores)


@pytest.mark.parametrize(
    ("n", "before", "after", "shown"),
    [
        (1, 0, 1, False),  # the plain standard error is 0 here, and would call it certain
        (2, 0, 2, False),
        (16, 0, 0, False),
        (16, 3, 5, False),
        (16, 16, 1, True),
        (16, 1, 16, True),
        (1000, 250, 270, False),
        (1000, 250, 300, True),
        (1000, 300, 250, True),
    ],
)
def test_a_difference_is_shown_where_its_interval_leaves_zero_out(n, before, after, shown):
    found = difference([compared("t", n, before, after)], "acc")
    assert found.is_shown == shown
    assert found.points == pytest.approx(100 * (after - before) / n)
    assert -100 <= found.low < found.high <= 100


def test_the_interval_is_agrestis_and_caffos():
    found = difference([compared("t", 16, 3, 5)], "acc")
    error = math.sqrt(4 / 18 * 14 / 18 / 18 + 6 / 18 * 12 / 18 / 18)
    assert (found.low, found.high) == pytest.approx((100 * (2 / 18 - 1.96 * error), 100 * (2 / 18 + 1.96 * error)))
    assert (round(found.low, 1), round(found.high, 1)) == (-17.9, 40.1)


def test_the_same_items_in_more_languages_make_no_interval_narrower():
    one = difference([compared("ja", 300, 100, 120)], "acc")
    three = difference([compared(language, 300, 100, 120) for language in ("ja", "es", "en")], "acc")
    assert (three.points, three.low, three.high) == pytest.approx((one.points, one.low, one.high))


def test_tasks_count_by_their_items():
    assert difference([compared("a", 100, 0, 50), compared("b", 300, 0, 0)], "acc").points == pytest.approx(12.5)


@pytest.mark.parametrize(
    ("comparisons", "expected"),
    [
        (
            [compared("a", 5000, 2500, 2500), compared("b", 50, 25, 25)],
            (
                "No difference in acc is shown: in none of 2 tasks does its 95 % interval leave zero out. "
                "With 50 items, as in b, only a change of about 19 points would."
            ),
        ),
        (
            [compared("a", 1000, 250, 300), compared("b", 50, 25, 25)],
            (
                "In 1 of 2 tasks the 95 % interval of the difference in acc leaves zero out, in points: a +5.0 (+1 to +9). "
                "Without any effect, one task in twenty would do so by chance."
            ),
        ),
    ],
)
def test_the_verdict_follows_from_the_figures(comparisons, expected):
    assert verdict(comparisons, "acc") == expected
