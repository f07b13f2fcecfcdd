"""Arrays from the logs of a run."""

import doctest

import numpy as np
import pytest

from training.report import metric_series, run_files, value_formatting
from training.report.metric_series import event_points, join_ratios, join_steps, series_of_metrics


def line(step, loss=2.0, skipped=None, wikis=("jawiki",), **more):
    counts = {"tokens": 64, "masked": 8, "links_seen": 4, "links_inserted": 2}
    return {"step": step, "loss": loss, "skipped": skipped, "tokens": 64 * step, "wikis": dict.fromkeys(wikis, counts)} | more


@pytest.mark.parametrize("module", [metric_series, run_files, value_formatting])
def test_the_examples_of_the_docstrings_hold(module):
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0


@pytest.mark.parametrize(
    ("lines", "steps", "accepted", "skipped"),
    [
        ([line(1)], [1], [2.0], []),
        ([line(1, 3.0), line(2, 2.0)], [1, 2], [3.0, 2.0], []),
        # A skipped step is not on the curve, whether its loss is finite or not.
        ([line(1), line(2, float("nan"), "the loss is nan"), line(3)], [1, 2, 3], [2.0, np.nan, 2.0], [2]),
        ([line(1), line(2, 99.0, "the loss is 99, above 3"), line(3)], [1, 2, 3], [2.0, np.nan, 2.0], [2]),
        ([line(1, float("inf"), "the loss is inf")], [1], [np.nan], [1]),
        # A run that was resumed at an earlier step writes lines again: the later ones count.
        ([line(1, 4.0), line(2, 3.0), line(3, 2.9), line(2, 2.5), line(3, 2.4)], [1, 2, 3], [4.0, 2.5, 2.4], []),
        ([line(2, float("nan"), "the loss is nan"), line(2, 1.0)], [2], [1.0], []),
        # Lines of an earlier version have fewer values.
        ([{"step": 1}], [1], [np.nan], []),
    ],
)
def test_the_loss_is_that_of_the_steps_that_were_made(lines, steps, accepted, skipped):
    found = series_of_metrics(lines)
    assert found.steps.tolist() == steps
    np.testing.assert_array_equal(found.accepted_loss, accepted)
    assert sorted(found.skipped) == skipped


def test_a_value_that_a_line_lacks_is_nan():
    found = series_of_metrics([line(1, mfu=None, memory_bytes=2**30), line(2, mfu=0.4)])
    np.testing.assert_array_equal(found.values["mfu"], [np.nan, 0.4])
    np.testing.assert_array_equal(found.values["memory_bytes"], [2**30, np.nan])


def test_each_wiki_is_counted_and_the_largest_comes_first():
    small, large = {"tokens": 10, "masked": 1}, {"tokens": 30, "links_seen": 5, "links_inserted": 2}
    found = series_of_metrics(
        [line(1, wikis=()) | {"wikis": {"be_x_oldwiki": small, "zh-yuewiki": large}}, line(2, wikis=("be_x_oldwiki",))]
    )
    assert list(found.wikis) == ["be_x_oldwiki", "zh-yuewiki"]
    assert found.totals["be_x_oldwiki"] == {"tokens": 74, "masked": 9, "links_seen": 4, "links_inserted": 2}
    assert found.totals["zh-yuewiki"] == {"tokens": 30, "masked": 0, "links_seen": 5, "links_inserted": 2}


def test_a_spike_of_one_step_is_seen_in_a_long_run():
    values = np.ones(100_000)
    values[77_777] = 50.0
    found = join_steps(np.arange(1, 100_001), values, 400)
    assert len(found.x) == 400
    assert (found.high.max(), int(np.argmax(found.high)), found.low.min()) == (50.0, 77_777 // 250, 1.0)
    assert found.x[-1] == 100_000


@pytest.mark.parametrize(
    ("values", "at_most", "x", "mean", "low", "high"),
    [
        ([5.0], 400, [1], [5.0], [5.0], [5.0]),
        ([1.0, 3.0, 5.0], 2, [2, 3], [2.0, 5.0], [1.0, 5.0], [3.0, 5.0]),
        ([np.nan, np.nan, 5.0], 2, [2, 3], [np.nan, 5.0], [np.nan, 5.0], [np.nan, 5.0]),
        ([], 2, [], [], [], []),
    ],
)
def test_neighbours_are_joined(values, at_most, x, mean, low, high):
    found = join_steps(np.arange(1, len(values) + 1), np.array(values), at_most)
    for have, want in zip(found, (x, mean, low, high), strict=True):
        np.testing.assert_array_equal(have, want)


def test_a_share_is_a_quotient_of_sums_and_nan_where_the_whole_is_0():
    x, shares = join_ratios(np.arange(1, 6), np.array([1, 0, 9, 0, 0]), np.array([2, 0, 10, 0, 0]), 3)
    assert x.tolist() == [2, 4, 5]
    np.testing.assert_array_equal(shares, [0.5, 0.9, np.nan])


def test_measurements_are_ordered_and_the_later_of_two_counts():
    events = [
        {"step": 10, "event": "held_out", "loss": {"jawiki": 2.0, "swwiki": 3.0}},
        {"step": 5, "event": "held_out", "loss": {"jawiki": 4.0}},
        {"step": 5, "event": "checkpoint", "path": "x"},
        {"step": 10, "event": "held_out", "loss": {"jawiki": 1.5}},
    ]
    found = event_points(events, "held_out", "loss")
    assert {wiki: (p.steps.tolist(), p.values.tolist()) for wiki, p in found.items()} == {
        "jawiki": ([5, 10], [4.0, 1.5]),
        "swwiki": ([10], [3.0]),
    }
