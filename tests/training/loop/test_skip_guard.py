"""The rule by which a step is skipped."""

import doctest
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from training.config import GuardSettings
from training.loop import skip_guard
from training.loop.skip_guard import SkipGuard, make_guard

from .broken_models import PLAIN, with_infinite_token

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
        ((4.3, 1.0), "the loss is 4.3, above 4.237 = mean 3.85 + 3 x 0.1291 of 4 steps"),
        ((3.6, 1.3), "the gradient norm is 1.3, above 1.245 = mean 1 + 3 x 0.08165 of 4 steps"),
        ((4.2, 1.2), None),
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


def test_a_level_that_has_risen_for_good_is_accepted_after_a_few_steps():
    made, reasons = observe_all([(3.0, 1.0)] * 20 + [(3.0, 2.0)] * 10, window=20)
    skipped = [reason is not None for reason in reasons[20:]]
    assert skipped == [True] * 2 + [False] * 8
    assert not made.must_stop


def test_steps_that_are_not_finite_stop_the_run_when_the_window_has_too_many():
    made, _ = observe_all([*USUAL, (math.nan, 1.0)])
    assert not made.must_stop
    for step in range(6, 11):  # the skipped step leaves the window of 6
        made.observe(step, 3.7, 1.0)
    made.observe(11, math.nan, 1.0)
    assert made.not_finite == [11]
    made.observe(12, 3.7, math.inf)
    assert made.not_finite == made.skipped == [11, 12]
    assert made.must_stop


@pytest.mark.parametrize("spike", [(3.6, 50.0), (400.0, 1.0), (400.0, 50.0)], ids=["gradient", "loss", "both"])
def test_spikes_are_skipped_and_do_not_stop_the_run_whatever_their_number(spike):
    steps = [*USUAL, *([spike, *USUAL] * 10)]
    made, reasons = observe_all(steps, window=4, min_history=4, stop_after=1)
    assert sum(reason is not None for reason in reasons) >= 5
    assert not made.must_stop
    made.observe(len(steps) + 1, math.nan, 1.0)
    assert made.must_stop


def test_steps_that_are_not_finite_do_not_enter_the_mean():
    made, reasons = observe_all([*USUAL, (math.nan, math.inf), (3.6, 1.3)], stop_after=9)
    assert reasons[5] == "the gradient norm is 1.3, above 1.245 = mean 1 + 3 x 0.08165 of 4 steps"
    assert made.skipped == [5, 6]


# --- recorded series: guard_series/README.md ----------------------------------------------------------------------------------

SKIPPED = {
    "stopped_by_spikes": [],
    "healthy_heavy_tail": [66],
    "healthy": [],
    "explodes_and_recovers": [],
}
"""Series -> steps that the default guard skips. Each series is healthy, so no more than one step is lost to it."""


def recorded(name):
    """(loss, gradient norm) of each step."""
    lines = (Path(__file__).parent / "guard_series" / f"{name}.csv").read_text().splitlines()[1:]
    return [tuple(map(float, line.split(","))) for line in lines]


@pytest.mark.parametrize("name", SKIPPED)
def test_no_recorded_series_is_stopped_and_hardly_a_step_is_skipped(name):
    made = make_guard(GuardSettings())
    steps = recorded(name)
    skipped = [number for number, step in enumerate(steps, 1) if made.observe(number, *step)]
    assert skipped == SKIPPED[name]
    assert not made.must_stop


@pytest.mark.parametrize("name", SKIPPED)
def test_a_recorded_series_whose_end_is_not_finite_is_stopped(name):
    made = make_guard(GuardSettings())
    steps = [*recorded(name), *[(math.nan, math.nan), (6.0, math.inf)] * 3]
    stops = next(number for number, step in enumerate(steps, 1) if made.observe(number, *step) and made.must_stop)
    assert stops == len(steps) - 1


@pytest.mark.parametrize("name", ["healthy", "healthy_heavy_tail"])
def test_a_step_far_above_a_recorded_series_is_skipped(name):
    made = make_guard(GuardSettings())
    steps = recorded(name)
    for number, step in enumerate(steps, 1):
        made.observe(number, *step)
    (loss, norm), number = steps[-1], len(steps) + 1
    assert made.observe(number, 3 * loss, norm).startswith("the loss is ")
    assert made.observe(number + 1, loss, 50 * norm).startswith("the gradient norm is ")
    assert made.observe(number + 2, loss, norm) is None


def test_a_guard_that_continues_from_a_state_decides_as_an_uninterrupted_one():
    steps = [*USUAL, (math.nan, math.inf), (4.3, 1.0), (3.7, 1.0), (3.6, 1.25)]
    whole, expected = observe_all(steps, stop_after=9)
    for stop in range(len(steps)):
        first, reasons = observe_all(steps[:stop], stop_after=9)
        second = guard(json.loads(json.dumps(first.state)), stop_after=9)
        reasons += [second.observe(number, *step) for number, step in enumerate(steps[stop:], stop + 1)]
        assert reasons == expected
        assert second.state == whole.state


@pytest.mark.parametrize("stage", [2, *(pytest.param(stage, marks=pytest.mark.slow) for stage in (0, 1, 3))])
def test_a_skipped_step_changes_no_weight_and_the_run_continues(finish, run_settings, base_model, plain_batches, tmp_path, stage):
    # Small batches: a token of the first batch (the hardest one to skip) must be in few other batches.
    changes = {"global_batch_size": 4, "micro_batch_size": 1, "stream": {"sequence_length": 16}, "insertion": PLAIN}
    batches = plain_batches(run_settings(tmp_path / "run", stage, **changes))
    held = {token: (batches == token).any(axis=(1, 2)) for token in range(3, 63)}
    token = min((token for token in held if held[token][0]), key=lambda token: held[token].sum())
    skipped = (np.flatnonzero(held[token]) + 1).tolist()
    assert len(skipped) < 7
    changes |= {"model": with_infinite_token(base_model, tmp_path / "broken", token), "guard": {"stop_after": 12}}
    run = finish(run_settings(tmp_path / "run", stage, **changes))
    assert [line["step"] for line in run.metrics if line["skipped"] is not None] == skipped
    assert [line["loss"] is None for line in run.metrics] == [line["skipped"] is not None for line in run.metrics]
    events = [json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()]
    skips = {event["step"]: event for event in events if event["event"] == "skipped"}
    assert list(skips) == skipped
    assert skips[1]["sequences"] == [str(row) for row in np.flatnonzero((batches[0] == token).any(axis=1))]
    assert run.summary["skipped_steps"] == len(skipped)
    accepted = [line["loss"] for line in run.metrics if line["skipped"] is None]
    assert (run.summary["first_loss"], run.summary["last_loss"]) == (accepted[0], accepted[-1])
    weights = load_file(run.folder / "model" / "model.safetensors")
    clean = torch.arange(len(weights["model.embed_tokens.weight"])) != token
    weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"][clean]
    assert all(torch.isfinite(weight).all() for weight in weights.values())
