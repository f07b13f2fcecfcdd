"""The state of a run that its steps share."""

from types import SimpleNamespace

import pytest

from training.loop.active_run import ActiveRun
from training.loop.skip_guard import SkipGuard
from training.loop.training_steps import Position


def run_at(step, steps, tags):
    """A run of `steps` steps that has finished `step` of them."""
    names = (
        "ranks",
        "console",
        "device",
        "tokenizer",
        "engine",
        "checkpoints",
        "fixed_settings",
        "page",
        "interruption",
        "owner",
    )
    return ActiveRun(
        settings=SimpleNamespace(steps=steps),
        position=Position(SkipGuard(sigmas=6.0, window=8, min_history=4, stop_after=2), step),
        stream=SimpleNamespace(rules=SimpleNamespace(tags=tags)),
        held_out=None,
        **dict.fromkeys(names),
    )


@pytest.mark.parametrize(("step", "is_finished"), [(0, False), (11, False), (12, True), (13, True)])
def test_a_run_is_finished_after_its_last_step(step, is_finished):
    assert run_at(step, 12, None).is_finished is is_finished


@pytest.mark.parametrize(("tags", "ids"), [(None, ()), ((63, 64), (63, 64))])
def test_a_run_without_tags_has_no_token_ids_of_tags(tags, ids):
    assert run_at(0, 12, tags).tags == ids
