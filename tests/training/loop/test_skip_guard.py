"""The rule by which a step is skipped."""

import doctest
import json
import math

import pytest

from training.loop import skip_guard
from training.loop.skip_guard import SkipGuard

USUAL = [(4.0, 1.0), (3.9, 1.1), (3.8, 0.9), (3.7, 1.0)]


def guard(seen=(), **changes):
    return SkipGuard(**{"sigmas": 3.0, "window": 6, "min_history": 4, "stop_after": 2} | changes, seen=seen)


def observe_all(steps, **changes):
    """A guard that has observed these steps, and the reason to skip each."""
    made = guard(**changes)
    return made, [made.observe(number, *step) for number, step in enumerate(steps, 1)]


def test_the_worked_example_holds():
    assert doctest.testmod(skip_guard).failed == 0


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ((math.nan, 1.0), "the loss is nan"),
        ((math.inf, 1.0), "the loss is inf"),
        ((3.6, math.inf), "the gradient norm is inf"),
        ((4.2, 1.0), "the loss is 4.2, above 4.185 = mean 3.85 + 3 x 0.1118 of 4 steps"),
        ((3.6, 1.3), "the gradient norm is 1.3, above 1.212 = mean 1 + 3 x 0.07071 of 4 steps"),
        ((4.1, 1.2), None),
        ((0.1, 0.0), None),
    ],
)
def test_a_step_is_skipped_when_it_is_not_finite_or_a_spike_upwards(step, reason):
    assert observe_all([*USUAL, step])[1] == [None] * 4 + [reason]


def test_nothing_finite_is_a_spike_before_enough_was_seen():
    assert observe_all([(4.0, 1.0), (4.0, 1.0), (4.0, 1.0), (4000.0, 1.0)])[1] == [None] * 4


def test_a_loss_that_hardly_moves_may_move_by_a_hundredth_for_each_sigma():
    assert observe_all([(2.0, 1.0)] * 4 + [(2.059, 1.0)])[1][-1] is None
    assert observe_all([(2.0, 1.0)] * 4 + [(2.061, 1.0)])[1][-1] is not None


def test_skipped_steps_do_not_enter_the_mean():
    made, reasons = observe_all([*USUAL, (9.0, 1.0), (9.0, 1.0)], stop_after=9)
    assert None not in reasons[4:]
    assert made.skipped == [5, 6]


def test_the_run_must_stop_when_too_many_of_the_window_were_skipped():
    made, _ = observe_all([*USUAL, (math.nan, 1.0)])
    assert not made.must_stop
    for step in range(6, 11):  # the skipped step leaves the window of 6
        made.observe(step, 3.7, 1.0)
    made.observe(11, math.nan, 1.0)
    assert made.skipped == [11]
    made.observe(12, math.nan, 1.0)
    assert made.must_stop


def test_a_guard_that_continues_from_a_state_decides_as_an_uninterrupted_one():
    steps = [*USUAL, (math.nan, math.inf), (4.3, 1.0), (3.7, 1.0), (3.6, 1.25)]
    whole, expected = observe_all(steps, stop_after=9)
    for stop in range(len(steps)):
        first, reasons = observe_all(steps[:stop], stop_after=9)
        second = guard(json.loads(json.dumps(first.state)), stop_after=9)
        reasons += [second.observe(number, *step) for number, step in enumerate(steps[stop:], stop + 1)]
        assert reasons == expected
        assert second.state == whole.state
