"""The error of a run in which too many steps were not finite, and its messages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.loop.skip_guard import SkipGuard

_SHOWN_SEQUENCES = 8


class TrainingDivergedError(RuntimeError):
    """The loss or the gradient of too many steps was not finite; the message names them and the remedies."""


def divergence_error(metrics: Mapping[str, Any], guard: SkipGuard, saved: int) -> TrainingDivergedError:
    """The error of a run that the guard stops after the step of `metrics`; `saved` is the step of its newest checkpoint."""
    sequences = ", ".join(metrics["sequences"][:_SHOWN_SEQUENCES])
    return TrainingDivergedError(
        f"step {metrics['step']}: {metrics['skipped']} in sequences {sequences}; these steps were not finite: "
        f"{_listed(guard.not_finite)}. The run stops here, saved at step {saved}. Look at the sequences (events.jsonl has all). "
        "Continue with --set resume=true and a higher guard.stop_after, or start again with a lower optimizer.learning_rate or "
        "model.precision=fp32"
    )


def repeated_divergence_error(guard: SkipGuard, checkpoint: Path) -> TrainingDivergedError:
    """The error of a run that the guard has stopped at this checkpoint, and that is resumed with the same settings."""
    return TrainingDivergedError(
        f"{checkpoint} is of a run that the guard has stopped: these steps were not finite: {_listed(guard.not_finite)} "
        "(reasons and sequences are in events.jsonl). It would stop again, so no step was made. Continue with a guard.stop_after "
        f"above {len(guard.not_finite)}, or start again with another output_dir and a lower optimizer.learning_rate or "
        "model.precision=fp32"
    )


def _listed(steps: list[int]) -> str:
    return ", ".join(map(str, steps))
