"""DeepSpeed's engine: built around the model, saved into a checkpoint, restored from one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.checkpoints import (
    Checkpoints,
    RunState,
    file_sums,
    files_of_rank,
    list_checkpoint_files,
    missing_files_message,
)
from training.engine.collectives import all_gather_objects, barrier
from training.engine.deepspeed_config import DeepSpeedConfig, activate_zero3_loading, zero_stage
from training.engine.interruption import Interruption
from training.engine.launch_environment import Ranks
from training.engine.universal_checkpoint import convert_checkpoint, remove_universal
from training.model.protocols import CausalLanguageModel, Engine, WrappedOptimizer
from training.model.translation_tags import AddedRows, add_rows

if TYPE_CHECKING:
    import torch


class EngineSetup(NamedTuple):
    """All inputs of an engine."""

    settings: TrainSettings
    config: DeepSpeedConfig
    rows: AddedRows | None
    """Of the tags; None without tags."""
    precision: str
    ranks: Ranks
    device: "torch.device"


def build_engine(setup: EngineSetup, universal: bool = False) -> Engine:
    """DeepSpeed's engine around a freshly loaded model that has the rows of the tags.

    `universal` prepares an engine that will be filled from a universal checkpoint.
    """
    import deepspeed

    from training.engine.optimizer import build_optimizer

    settings, config, rows, precision, ranks, device = setup
    partitioning = activate_zero3_loading(config)
    model = build_model(settings, rows, precision, ranks, device if partitioning is None else "cpu")
    optimizer = build_optimizer(settings.optimizer, model)
    if universal:
        config = config | {"checkpoint": {"load_universal": True}}
    engine: Engine
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    del partitioning
    check_master_weights(engine)
    return engine


def resume_engine(
    setup: EngineSetup, checkpoint: Path, other_ranks: bool, interruption: Interruption, announce: Callable[[str], None]
) -> Engine:
    """The engine as it was when the checkpoint was written; `other_ranks` means that another number of ranks wrote it.

    Raises:
        ConfigurationError, InterruptedByRequestError: see `training.engine.universal_checkpoint.convert_checkpoint`.
    """
    stage = zero_stage(setup.config)
    universal = other_ranks and stage > 0  # ZeRO-0 partitions nothing: its checkpoint fits any number of ranks
    source = convert_checkpoint(checkpoint, stage, setup.ranks, interruption, announce) if universal else checkpoint
    engine = build_engine(setup, universal)
    load_checkpoint(engine, source)
    barrier()
    if universal and setup.ranks.main:
        remove_universal(source)
    return engine


def build_model(
    settings: TrainSettings, rows: AddedRows | None, precision: str, ranks: Ranks, device: "torch.device | str" = "cpu"
) -> CausalLanguageModel:
    """The model with the rows of the tags and, if configured, adapters: the same on all ranks.

    Parameters that a text gives no gradient are frozen.
    """
    import torch

    from training.architectures.unreached_parameters import freeze_unreached
    from training.model.model_loading import DTYPES, load_model

    torch.manual_seed(settings.seed)
    model = load_model(settings.model, DTYPES[precision], device, ranks.main)
    freeze_unreached(model, announce=ranks.main)
    if rows is not None:
        add_rows(model, rows)
    if settings.model.lora is not None:
        from training.model.adapters import add_adapters

        model = add_adapters(model, settings.model.lora, settings.seed)
    return model


def check_master_weights(engine: Engine) -> None:
    """Require that the optimizer updates fp32 weights: bf16 has 8 significant bits, and an update of 5e-6 would be lost.

    Raises:
        ConfigurationError: when the optimizer holds another type than float32.
    """
    import torch

    held = {p.dtype for group in engine.optimizer.param_groups for p in group["params"] if torch.is_tensor(p) and p.numel()}
    masters = getattr(engine.optimizer, "fp32_partitioned_groups_flat", None)  # ZeRO-3 shows them nowhere else
    held |= {p.dtype for p in masters or [] if torch.is_tensor(p) and p.numel()}
    if held - {torch.float32}:
        raise ConfigurationError(
            f"deepspeed: the optimizer would update weights in {', '.join(str(d) for d in held - {torch.float32})}, in which "
            "small updates are lost; remove the key that turns fp32 master weights off from the DeepSpeed configuration"
        )


def save_checkpoint(engine: Engine, checkpoints: Checkpoints, state: RunState, ranks: Ranks) -> Path | None:
    """Write and publish a checkpoint; every rank calls it. Returns the published folder on the main rank, None on others.

    Raises:
        ConfigurationError: when the ranks do not share the folder.
    """
    partial = checkpoints.partial(state.step)
    if ranks.main:
        checkpoints.begin(state.step)
    barrier()
    engine.save_checkpoint(
        str(partial.parent), tag=partial.name, save_latest=False, exclude_frozen_parameters=_has_frozen_parameters(engine)
    )
    barrier()
    own = [partial / name for name in files_of_rank(all_gather_objects(list_checkpoint_files(partial)), ranks.rank)]
    absent = [name for names in all_gather_objects([path.name for path in own if not path.is_file()]) for name in names]
    if absent:
        raise ConfigurationError(missing_files_message(partial, absent))
    sums = all_gather_objects(file_sums(own))
    published = None
    if ranks.main:
        for script in partial.parent.glob("zero_to_*.py"):  # DeepSpeed leaves one beside its checkpoints
            script.unlink()
        published = checkpoints.publish(state, {name: entry for part in sums for name, entry in part.items()})
    barrier()
    return published


def load_checkpoint(engine: Engine, checkpoint: Path) -> None:
    """Fill the engine from a checkpoint, or from a universal one if it was built for that; every rank calls it.

    The files are pickles that DeepSpeed wrote: resume only runs that you trust.
    """
    groups = engine.optimizer.param_groups
    own = [{name: value for name, value in group.items() if name != "params"} for group in groups]
    engine.load_checkpoint(
        str(checkpoint.parent),
        tag=checkpoint.name,
        load_lr_scheduler_states=False,
        load_module_strict=not _has_frozen_parameters(engine),
    )
    # From a universal checkpoint of ZeRO-3, DeepSpeed gives every group the weight decay of the first one and all of them one
    # counter of steps, which each group then advances.
    for group, values in zip(groups, own, strict=True):
        group.update(values)
    optimizer: WrappedOptimizer = getattr(engine.optimizer, "optimizer", engine.optimizer)
    for state in optimizer.state.values():
        state["step"] = state["step"].clone()


def _has_frozen_parameters(engine: Engine) -> bool:
    return any(not parameter.requires_grad for parameter in engine.module.parameters())
