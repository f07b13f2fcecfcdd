"""Resuming: which checkpoint a run continues from, and whether the checkpoint belongs to the run."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.checkpoints import Checkpoints, RunState, find_damage
from training.engine.collectives import all_gather_objects
from training.engine.launch_environment import Ranks

_ELASTIC = ("ranks", "micro_batch_size")


def settings_to_match(settings: TrainSettings, ranks: Ranks, stage: int, precision: str) -> dict[str, object]:
    """The settings that must not change between a checkpoint and a resumed run.

    The stream is compared by its fingerprint, and the base model by the content of its files (`training.model.base_files`).
    """
    return {
        "model": settings.model.model_dump(mode="json", include={"lora", "router_loss"}),
        "precision": precision,
        "zero_stage": stage,
        "optimizer": settings.optimizer.model_dump(mode="json"),
        "steps": settings.steps,
        "seed": settings.seed,
        "micro_batch_size": settings.micro_batch_size,
        "ranks": ranks.size,
    }


def find_newest_intact(checkpoints: Checkpoints, ranks: Ranks, console: Console) -> Path | None:
    """The newest checkpoint whose files match their checksums; damaged newer ones are reported. Every rank calls it.

    Raises:
        ConfigurationError: when there are checkpoints, and all are damaged.
    """
    published = all_gather_objects([str(path) for path in checkpoints.published()])[0]  # as the first rank sees them
    for path in map(Path, published):
        damage = [line for lines in all_gather_objects(find_damage(path, ranks.rank, ranks.size)) for line in lines]
        if not damage:
            return path
        console.print(f"warning: {path} is damaged and skipped: {'; '.join(damage[:3])}", style="yellow")
    if published:
        raise ConfigurationError(
            f"resume: all {len(published)} checkpoints in {checkpoints.folder} are damaged (see above); restore one from a copy, "
            "or start anew with --set overwrite=true (the old folder is kept)"
        )
    return None


def check_resumable(state: RunState, expected: Mapping[str, object], elastic: bool) -> bool:
    """Whether the checkpoint must be converted for another number of ranks first; `expected` are `settings_to_match`.

    Raises:
        ConfigurationError: when another run wrote the checkpoint, or another number of ranks without `elastic`.
    """
    other = [key for key in expected if state.settings.get(key) != expected[key] and key not in _ELASTIC]
    if other:
        lines = "; ".join(f"{key}: {state.settings.get(key)} there, {expected[key]} here" for key in other)
        raise ConfigurationError(
            f"resume: the checkpoint of step {state.step} belongs to another run: {lines}. Continue with the run's own settings "
            "(config.yaml in output_dir), or choose another output_dir"
        )
    changed = [key for key in _ELASTIC if state.settings.get(key) != expected[key]]
    if changed and not elastic:
        lines = " and ".join(f"{key.replace('_', ' ')} {state.settings.get(key)}, not {expected[key]}" for key in changed)
        raise ConfigurationError(
            f"resume: the checkpoint of step {state.step} was written with {lines}. Resuming would give the same stream, but "
            "other last bits of the weights; to accept that, add --set elastic=true"
        )
    return "ranks" in changed
