"""Which settings may change between the parts of a run, and which may not. Pure.

Every key of the configuration and of DeepSpeed's file has one effect on the weights that a run ends with:

- RESULT: another value gives other weights. It is refused.
- ROUNDING: another value forms sums in another order, so weights differ in their last bits. It needs `elastic`.
- STREAM: it decides which tokens are read. The stream's fingerprint is compared instead, because equal data may have moved.
- NONE: speed, memory, reports, and when a run is saved or stopped. It is logged.
- CONTENT: the value is compared in another form (the precision of the device, the content of a file), or it concerns one start.

A key that no table has is RESULT: an unknown key of DeepSpeed is refused.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings

DEEPSPEED = "deepspeed"
"""Section of `settings_to_match` with DeepSpeed's configuration; the other section is `CONFIGURATION`."""
CONFIGURATION = "configuration"
BASE_MODEL = "model.path"
ABSENT = "not set"
"""Shown for a key that one of two configurations lacks."""


class Effect(Enum):
    """The effect of a changed setting; see the module's docstring."""

    RESULT = auto()
    ROUNDING = auto()
    STREAM = auto()
    NONE = auto()
    CONTENT = auto()


EFFECTS = {
    "data": Effect.STREAM,
    "data.cache": Effect.NONE,
    "data.attempts": Effect.NONE,
    "insertion": Effect.STREAM,
    "stream": Effect.STREAM,
    "stream.workers": Effect.NONE,
    "stream.prefetch": Effect.NONE,
    "model": Effect.RESULT,
    BASE_MODEL: Effect.CONTENT,  # the folder may move; see training/model/base_files.py
    "model.precision": Effect.CONTENT,  # `precision`, which the device decides where it is auto
    "model.gradient_checkpointing": Effect.NONE,  # activations are computed again, with the same random numbers
    "model.attention": Effect.ROUNDING,
    "optimizer": Effect.RESULT,
    "seed": Effect.RESULT,
    "steps": Effect.RESULT,  # the learning rate's schedule ends there
    "global_batch_size": Effect.RESULT,
    "micro_batch_size": Effect.ROUNDING,
    "ranks": Effect.ROUNDING,
    "precision": Effect.RESULT,
    "deepspeed": Effect.CONTENT,  # a path; see DEEPSPEED_EFFECTS
    "output_dir": Effect.CONTENT,
    "overwrite": Effect.CONTENT,
    "resume": Effect.CONTENT,
    "elastic": Effect.CONTENT,
    "checkpoint": Effect.NONE,
    "guard": Effect.RESULT,  # decides which steps are skipped
    "guard.stop_after": Effect.NONE,
    "evaluation": Effect.NONE,
    "log": Effect.NONE,
    "dry_run": Effect.CONTENT,
}
"""The effect of the keys of the configuration; a section's holds for its keys that are not listed."""

DEEPSPEED_EFFECTS = {
    # Decided by the training configuration, or by every run alike: see training/engine/deepspeed_config.py.
    "train_batch_size": Effect.CONTENT,
    "train_micro_batch_size_per_gpu": Effect.CONTENT,
    "gradient_accumulation_steps": Effect.CONTENT,
    "gradient_clipping": Effect.CONTENT,
    "bf16": Effect.CONTENT,
    "data_types": Effect.CONTENT,
    # Reports.
    "steps_per_print": Effect.NONE,
    "wall_clock_breakdown": Effect.NONE,
    "memory_breakdown": Effect.NONE,
    "dump_state": Effect.NONE,
    "flops_profiler": Effect.NONE,
    "comms_logger": Effect.NONE,
    "tensorboard": Effect.NONE,
    "wandb": Effect.NONE,
    "csv_monitor": Effect.NONE,
    "comet": Effect.NONE,
    # Where and when tensors are moved.
    "aio": Effect.NONE,
    "zero_optimization.allgather_partitions": Effect.NONE,
    "zero_optimization.allgather_bucket_size": Effect.NONE,
    "zero_optimization.overlap_comm": Effect.NONE,
    "zero_optimization.contiguous_gradients": Effect.NONE,
    "zero_optimization.stage3_max_live_parameters": Effect.NONE,
    "zero_optimization.stage3_max_reuse_distance": Effect.NONE,
    "zero_optimization.stage3_prefetch_bucket_size": Effect.NONE,
    "zero_optimization.stage3_param_persistence_threshold": Effect.NONE,
    "zero_optimization.stage3_model_persistence_threshold": Effect.NONE,
    "zero_optimization.stage3_gather_16bit_weights_on_model_save": Effect.NONE,
    # The optimizer's step runs on another device, or gradients are summed in other groups.
    "zero_optimization.offload_optimizer": Effect.ROUNDING,
    "zero_optimization.offload_param": Effect.ROUNDING,
    "zero_optimization.reduce_bucket_size": Effect.ROUNDING,
    "zero_optimization.reduce_scatter": Effect.ROUNDING,
}
"""The effect of the keys of DeepSpeed's configuration. Any other key is RESULT: many change how weights are partitioned, and with
them the meaning of a checkpoint's files."""


class Change(NamedTuple):
    """A setting that differs between two parts of a run."""

    key: str
    before: object
    now: object
    effect: Effect

    def __str__(self) -> str:
        return f"{self.key}: {_shown(self.before)} there, {_shown(self.now)} here"


def settings_to_match(settings: TrainSettings, deepspeed: Mapping[str, Any], precision: str, ranks: int) -> dict[str, Any]:
    """All settings of a run, for its checkpoints; `deepspeed` is its resolved configuration of DeepSpeed."""
    return {
        CONFIGURATION: settings.model_dump(mode="json") | {"precision": precision, "ranks": ranks},
        DEEPSPEED: dict(deepspeed),
    }


def find_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """The settings that differ, each with its effect; both come from `settings_to_match`.

    >>> before = {"configuration": {"steps": 50, "log": {"every": 1}}, "deepspeed": {"zero_optimization": {"stage": 2}}}
    >>> now = {"configuration": {"steps": 60, "log": {"every": 1}}, "deepspeed": {"zero_optimization": {"stage": 3}}}
    >>> for change in find_changes(before, now):
    ...     print(change.effect.name, change)
    RESULT steps: 50 there, 60 here
    RESULT deepspeed.zero_optimization.stage: 2 there, 3 here
    """
    changes: list[Change] = []
    for section, effects, prefix in ((CONFIGURATION, EFFECTS, ""), (DEEPSPEED, DEEPSPEED_EFFECTS, "deepspeed.")):
        old, new = (dict(_leaves(values.get(section) or {})) for values in (before, now))
        changes += [
            Change(prefix + key, old.get(key, ABSENT), new.get(key, ABSENT), effect_of(key, effects))
            for key in (new | old)
            if old.get(key) != new.get(key)
        ]
    return changes


def effect_of(key: str, effects: Mapping[str, Effect] = EFFECTS) -> Effect:
    """The effect of a key: its own, or else that of the section around it.

    >>> effect_of("guard.stop_after").name, effect_of("guard.sigmas").name, effect_of("of another version").name
    ('NONE', 'RESULT', 'RESULT')
    """
    while key not in effects and "." in key:
        key = key.rpartition(".")[0]
    return effects.get(key, Effect.RESULT)


def require_resumable(before: Mapping[str, Any], now: Mapping[str, Any], elastic: bool, place: str) -> list[Change]:
    """The changes that a resumed run has from `before` on, for the log; `place` names where `before` was found.

    Raises:
        ConfigurationError: when the result would be another, or differ in its last bits without `elastic`.
    """
    changes = find_changes(before, now)
    if other := changes_with(Effect.RESULT, changes):
        raise ConfigurationError(
            f"resume: {place} belongs to another run: {join_changes(other)}. Continue with the run's own settings "
            "(config.yaml and deepspeed.json in output_dir), or choose another output_dir"
        )
    rounded = changes_with(Effect.ROUNDING, changes)
    if rounded and not elastic:
        raise ConfigurationError(
            f"resume: {place} was written with other settings: {join_changes(rounded)}. Resuming would give the same stream, but "
            "other last bits of the weights; to accept that, add --set elastic=true"
        )
    return [*rounded, *changes_with(Effect.NONE, changes)]


def require_same_finished_run(
    before: Mapping[str, Any], now: Mapping[str, Any], elastic: bool, folder: object, same_stream: bool
) -> list[Change]:
    """The changes that do not concern the result of a finished run, for the log.

    Args:
        before: settings of the finished run.
        now: settings of this one.
        elastic: whether other last bits of the weights are accepted.
        folder: of the finished run.
        same_stream: whether the finished run has trained on the stream of this one.

    Raises:
        ConfigurationError: when this run would end with another result.
    """
    changes = find_changes(before, now)
    other = [change for change in changes if change.effect is Effect.RESULT or change.key == BASE_MODEL]
    other += [] if elastic else changes_with(Effect.ROUNDING, changes)
    named = join_changes(other + ([] if same_stream else changes_with(Effect.STREAM, changes)))
    if other or not same_stream:
        raise ConfigurationError(
            f"output_dir: {folder} holds a finished run with other settings: {named or 'the corpus has another content'}. A "
            "finished run cannot be continued: choose another output_dir (to train further, set model.path to "
            f"{folder}/model there), or pass --set overwrite=true --set resume=false (the old folder is kept)"
        )
    return [*changes_with(Effect.ROUNDING, changes), *changes_with(Effect.NONE, changes)]


def changes_with(effect: Effect, changes: Iterable[Change]) -> list[Change]:
    """The changes that have this effect."""
    return [change for change in changes if change.effect is effect]


def join_changes(changes: Iterable[Change]) -> str:
    """Changes in one line."""
    return "; ".join(map(str, changes))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Values of nested sections under names like `model.lora.rank`."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _shown(value: object) -> str:
    """A value for a message: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
