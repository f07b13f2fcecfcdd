"""DeepSpeed's engine: made of the model, saved into a checkpoint, brought back from one."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from spark_jobs.settings import ConfigurationError
from training.checkpoint import Checkpoints, RunState, file_sums, files_of
from training.config import TrainSettings
from training.distributed import Ranks, barrier, everyone, zero3, zero_stage


class Setup(NamedTuple):
    """What an engine is made of."""

    settings: TrainSettings
    config: dict[str, Any]
    """DeepSpeed's."""
    rows: Any
    """`training.model.Rows` of the tags, or None."""
    precision: str
    ranks: Ranks
    device: Any


def build_engine(setup: Setup, universal: bool = False) -> Any:
    """Load the model, give it the rows of the tags, wrap it: DeepSpeed's engine.

    `universal` is for an engine that will be filled from a universal checkpoint.
    """
    import deepspeed

    from training.optimizer import build_optimizer

    settings, config, rows, precision, ranks, device = setup
    partitioning = zero3(config)
    model = build_model(settings, rows, precision, ranks, "cpu" if partitioning is not None else device)
    optimizer = build_optimizer(settings.optimizer, model)
    if universal:
        config = config | {"checkpoint": {"load_universal": True}}
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    del partitioning
    check_master_weights(engine)
    return engine


def resumed_engine(setup: Setup, checkpoint: Path, other_ranks: bool) -> Any:
    """The engine as it was when the checkpoint was written; `other_ranks` says that their number was another one."""
    universal = other_ranks and zero_stage(setup.config) > 0  # ZeRO-0 deals nothing out: its checkpoint fits any number
    source = checkpoint
    if universal:
        if setup.ranks.main:
            make_universal(checkpoint, setup.config)
        barrier()
        source = universal_folder(checkpoint)
    engine = build_engine(setup, universal)
    load(engine, source)
    barrier()
    if universal and setup.ranks.main:
        discard_universal(source)
    return engine


def build_model(settings: TrainSettings, rows: Any, precision: str, ranks: Ranks, device: Any = "cpu") -> Any:
    """The model with the rows of the tags and, if wanted, adapters: the same on all ranks."""
    import torch

    from training import model as models

    torch.manual_seed(settings.seed)
    model = models.load_model(settings.model, models.DTYPES[precision], device, ranks.main)
    if rows is not None:
        models.add_rows(model, rows)
    if settings.model.lora is not None:
        from training.lora import add_adapters

        model = add_adapters(model, settings.model.lora, settings.seed)
    return model


def check_master_weights(engine: Any) -> None:
    """Refuse to train what is no fp32 copy of the weights: bf16 has 8 significant bits, and an update of 5e-6 would be lost.

    Raises:
        ConfigurationError: when the optimizer holds anything but float32.
    """
    import torch

    held = {p.dtype for group in engine.optimizer.param_groups for p in group["params"] if torch.is_tensor(p) and p.numel()}
    masters = getattr(engine.optimizer, "fp32_partitioned_groups_flat", None)  # ZeRO-3 shows them nowhere else
    held |= {p.dtype for p in masters or [] if torch.is_tensor(p) and p.numel()}
    if held - {torch.float32}:
        raise ConfigurationError(
            f"deepspeed: the optimizer would update weights in {', '.join(str(d) for d in held - {torch.float32})}, in which "
            "small updates are lost; remove what turns fp32 master weights off from the DeepSpeed configuration"
        )


def save(engine: Any, checkpoints: Checkpoints, state: RunState, ranks: Ranks) -> Path | None:
    """Write and publish a checkpoint; every rank calls it. The published folder, on the main rank."""
    partial = checkpoints.partial(state.step)
    if ranks.main:
        checkpoints.begin(state.step)
    barrier()
    frozen = any(not parameter.requires_grad for parameter in engine.module.parameters())
    engine.save_checkpoint(str(partial.parent), tag=partial.name, save_latest=False, exclude_frozen_parameters=frozen)
    barrier()
    sums = everyone(file_sums(files_of(partial, ranks.rank, ranks.size)))
    published = None
    if ranks.main:
        for script in partial.parent.glob("zero_to_*.py"):  # DeepSpeed leaves one beside its checkpoints
            script.unlink()
        published = checkpoints.publish(state, {name: entry for own in sums for name, entry in own.items()})
    barrier()
    return published


def load(engine: Any, checkpoint: Path) -> None:
    """Fill the engine from a checkpoint, or from a universal one if it was built for that; every rank calls it.

    The files are pickles that DeepSpeed wrote: resume runs of your own only.
    """
    frozen = any(not parameter.requires_grad for parameter in engine.module.parameters())
    groups = engine.optimizer.param_groups
    own = [{name: value for name, value in group.items() if name != "params"} for group in groups]
    engine.load_checkpoint(
        str(checkpoint.parent), tag=checkpoint.name, load_lr_scheduler_states=False, load_module_strict=not frozen
    )
    # From a universal checkpoint of ZeRO-3, DeepSpeed gives every group the weight decay of the first one and all of them one
    # counter of steps, which each group then advances.
    for group, values in zip(groups, own, strict=True):
        group.update(values)
    for state in getattr(engine.optimizer, "optimizer", engine.optimizer).state.values():
        state["step"] = state["step"].clone()


def universal_folder(checkpoint: Path) -> Path:
    """Where the universal form of a checkpoint lies for as long as it is needed."""
    return checkpoint.with_name(checkpoint.name + ".universal")


def make_universal(checkpoint: Path, config: dict[str, Any]) -> Path:
    """Convert a checkpoint for any number of ranks, beside it, with DeepSpeed's own tool; `discard_universal` removes it.

    Raises:
        ConfigurationError: when the tool fails; its last words are in the message.
    """
    universal = universal_folder(checkpoint)
    shutil.rmtree(universal, ignore_errors=True)
    command = [sys.executable, "-m", "deepspeed.checkpoint.ds_to_universal"]
    command += ["--input_folder", str(checkpoint), "--output_folder", str(universal)]
    if zero_stage(config) < 3:
        command.append("--inject_missing_state")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise ConfigurationError(f"elastic: DeepSpeed's tool could not convert {checkpoint} for another number of ranks:\n{last}")
    return universal


def discard_universal(universal: Path) -> None:
    """Remove what `make_universal` made."""
    shutil.rmtree(universal, ignore_errors=True)
    (universal.parent / "latest_universal").unlink(missing_ok=True)
