"""A run that diverges: its messages, and how it ends and continues."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from training.loop.divergence import divergence_error, repeated_divergence_error
from training.loop.skip_guard import SkipGuard

from .broken_models import PLAIN, with_infinite_token


def stopped_guard():
    """A guard that has seen steps 5 and 6 that are not finite, one more than it allows."""
    guard = SkipGuard(sigmas=3.0, window=6, min_history=4, stop_after=2)
    for step in range(1, 7):
        guard.observe(step, 4.0 if step < 5 else math.nan, 1.0)
    return guard


@pytest.mark.parametrize(
    ("sequences", "listed"),
    [
        (["48"], "48;"),
        (["40-41", "47"], "40-41, 47;"),
        ([str(number) for number in range(10)], "0, 1, 2, 3, 4, 5, 6, 7;"),  # the rest is in events.jsonl
    ],
)
def test_the_message_has_step_reason_sequences_and_the_newest_checkpoint(sequences, listed):
    metrics = {"step": 6, "skipped": "the loss is nan", "sequences": sequences}
    message = str(divergence_error(metrics, stopped_guard(), saved=6))
    assert message.startswith(f"step 6: the loss is nan in sequences {listed} these steps were not finite: 5, 6. ")
    assert "The run stops here, saved at step 6. " in message
    assert "--set resume=true and a higher guard.stop_after" in message


def test_a_run_that_would_stop_again_has_the_smallest_guard_that_lets_it_continue():
    message = str(repeated_divergence_error(stopped_guard(), Path("run/checkpoints/step-000006")))
    assert message.startswith(
        "run/checkpoints/step-000006 is of a run that the guard has stopped: these steps were not finite: 5, 6 "
    )
    assert "Continue with a guard.stop_after above 2, " in message


def test_a_loss_that_is_not_finite_can_stop_the_run_which_is_saved_and_names_step_and_sequences(
    launch, run_settings, base_model, plain_batches, tmp_path
):
    changes = {"micro_batch_size": 1, "insertion": PLAIN, "guard": {"stop_after": 1}, "steps": 3}
    first = plain_batches(run_settings(tmp_path / "run", **changes))[0]
    token = next(token for token in range(3, 63) if 0 < (first[:, :-1] == token).any(axis=1).sum() < 5)
    named = ", ".join(map(str, np.flatnonzero((first == token).any(axis=1))))
    model = with_infinite_token(base_model, tmp_path / "broken", token)
    done = launch(run_settings(tmp_path / "run", model=model, **changes), ranks=None)
    assert done.returncode == 3, done.stderr
    assert (
        f"error: step 1: the loss is nan in sequences {named}; these steps were not finite: 1. The run stops here, saved"
        in done.stderr
    )
    assert not (tmp_path / "run" / "model").exists()
    assert not (tmp_path / "run" / "run.json").exists()
    assert (tmp_path / "run" / "checkpoints" / "step-000001" / "manifest.json").is_file()
    # Started again with the same settings, it stops again, and makes no step.
    changes |= {"model": model, "resume": True}
    done = launch(run_settings(tmp_path / "run", **changes), ranks=None)
    assert done.returncode == 3, done.stderr
    assert re.search(
        r"step-000001 is of a run that the guard has stopped: these steps were not finite: 1 .*stop_after above 1,", done.stderr
    )
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-000001"]
    assert (tmp_path / "run" / "metrics.jsonl").read_text().count("\n") == 1
    # With the remedy of the message it continues: here to the next step, which has the token too.
    done = launch(run_settings(tmp_path / "run", **changes | {"guard": {"stop_after": 2}}), ranks=None)
    assert done.returncode == 3, done.stderr
    assert re.search(r"error: step 2: the loss is nan in sequences .*; these steps were not finite: 1, 2\.", done.stderr)
