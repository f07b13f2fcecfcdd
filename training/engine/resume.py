"""Which checkpoint a run goes on from, and whether it is its own."""

from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.checkpoints import Checkpoints, RunState, damage
from training.engine.process_group import Ranks, all_gather_objects

_ELASTIC = ("ranks", "micro_batch_size")


class Found(NamedTuple):
    """A sound checkpoint of this run."""

    checkpoint: Path
    state: RunState


def same_settings(settings: TrainSettings, ranks: Ranks, stage: int, precision: str) -> dict[str, Any]:
    """What must be the same for a run to go on; the stream has a fingerprint of its own."""
    return {
        "model": settings.model.model_dump(mode="json", include={"path", "lora"}),
        "precision": precision,
        "zero_stage": stage,
        "optimizer": settings.optimizer.model_dump(mode="json"),
        "steps": settings.steps,
        "seed": settings.seed,
        "micro_batch_size": settings.micro_batch_size,
        "ranks": ranks.size,
    }


def newest_sound(checkpoints: Checkpoints, ranks: Ranks, console: Console) -> Path | None:
    """The newest checkpoint whose files are those that were written; damaged newer ones are told. Every rank calls it.

    Raises:
        ConfigurationError: when there are checkpoints, and all are damaged.
    """
    published = all_gather_objects([str(path) for path in checkpoints.published()])[0]  # as the first rank sees them
    for path in map(Path, published):
        found = [line for lines in all_gather_objects(damage(path, ranks.rank, ranks.size)) for line in lines]
        if not found:
            return path
        console.print(f"warning: {path} is damaged and left aside: {'; '.join(found[:3])}", style="yellow")
    if published:
        raise ConfigurationError(
            f"resume: none of the {len(published)} checkpoints in {checkpoints.folder} is sound (see above); restore one from a "
            "copy, or start anew with --set overwrite=true (the old folder is kept)"
        )
    return None


def check(found: RunState, here: dict[str, Any], elastic: bool) -> bool:
    """Whether the checkpoint must be made universal first; see `same_settings` for `here`.

    Raises:
        ConfigurationError: when the checkpoint is of another run, or of another number of ranks without `elastic`.
    """
    other = [key for key in here if found.settings.get(key) != here[key] and key not in _ELASTIC]
    if other:
        lines = "; ".join(f"{key}: {found.settings.get(key)} there, {here[key]} here" for key in other)
        raise ConfigurationError(
            f"resume: the checkpoint of step {found.step} is of another run: {lines}. Go on with what it was started with "
            "(config.yaml in output_dir), or choose another output_dir"
        )
    dealt = [key for key in _ELASTIC if found.settings.get(key) != here[key]]
    if dealt and not elastic:
        lines = " and ".join(f"{key.replace('_', ' ')} {found.settings.get(key)}, not {here[key]}" for key in dealt)
        raise ConfigurationError(
            f"resume: the checkpoint of step {found.step} was written with {lines}. Going on would give the same stream, but not "
            "the same last bits; if that is wanted, add --set elastic=true"
        )
    return "ranks" in dealt
