"""When a step is skipped."""

import json
import math

import pytest

from training.loop.step_guard import Guard

USUAL = [(4.0, 1.0), (3.9, 1.1), (3.8, 0.9), (3.7, 1.0)]


def guard(seen=(), **changes):
    return Guard(**{"sigmas": 3.0, "window": 6, "min_history": 4, "stop_after": 2} | changes, seen=seen)


def judged(steps, **changes):
    made = guard(**changes)
    return made, [made.judge(number, *step) for number, step in enumerate(steps, 1)]


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
def test_a_step_is_skipped_for_what_is_no_number_and_for_spikes_upwards(step, reason):
    assert judged([*USUAL, step])[1] == [None] * 4 + [reason]


def test_nothing_finite_is_a_spike_before_enough_was_seen():
    assert judged([(4.0, 1.0), (4.0, 1.0), (4.0, 1.0), (4000.0, 1.0)])[1] == [None] * 4


def test_a_loss_that_hardly_moves_may_move_by_a_hundredth_for_each_sigma():
    assert judged([(2.0, 1.0)] * 4 + [(2.059, 1.0)])[1][-1] is None
    assert judged([(2.0, 1.0)] * 4 + [(2.061, 1.0)])[1][-1] is not None


def test_skipped_steps_do_not_become_the_usual():
    made, reasons = judged([*USUAL, (9.0, 1.0), (9.0, 1.0)], stop_after=9)
    assert None not in reasons[4:]
    assert made.skipped == [5, 6]


def test_the_run_ends_when_too_many_of_the_window_were_skipped():
    made, _ = judged([*USUAL, (math.nan, 1.0)])
    assert not made.exhausted
    for step in range(6, 11):  # the skipped step leaves the window of 6
        made.judge(step, 3.7, 1.0)
    made.judge(11, math.nan, 1.0)
    assert made.skipped == [11]
    made.judge(12, math.nan, 1.0)
    assert made.exhausted


def test_a_guard_that_goes_on_from_a_state_judges_as_if_nothing_had_happened():
    steps = [*USUAL, (math.nan, math.inf), (4.3, 1.0), (3.7, 1.0), (3.6, 1.25)]
    whole, expected = judged(steps, stop_after=9)
    for stop in range(len(steps)):
        first, reasons = judged(steps[:stop], stop_after=9)
        second = guard(json.loads(json.dumps(first.state)), stop_after=9)
        reasons += [second.judge(number, *step) for number, step in enumerate(steps[stop:], stop + 1)]
        assert reasons == expected
        assert second.state == whole.state
