"""DeepSpeed's engine: made of the model, saved into a checkpoint, brought back from one."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.checkpoints import Checkpoints, RunState, dealt, file_sums, files_of, unseen
from training.engine.interruption import InterruptedByRequestError, Interruption
from training.engine.process_group import Ranks, all_gather_objects, barrier, zero3, zero_stage

TOLD_EVERY = 60.0
"""Seconds between two lines about a conversion that goes on."""


class Setup(NamedTuple):
    """What an engine is made of."""

    settings: TrainSettings
    config: dict[str, Any]
    """DeepSpeed's."""
    rows: Any
    """`training.model.model_loading.Rows` of the tags, or None."""
    precision: str
    ranks: Ranks
    device: Any


def build_engine(setup: Setup, universal: bool = False) -> Any:
    """Load the model, give it the rows of the tags, wrap it: DeepSpeed's engine.

    `universal` is for an engine that will be filled from a universal checkpoint.
    """
    import deepspeed

    from training.engine.optimizer import build_optimizer

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


def resumed_engine(
    setup: Setup, checkpoint: Path, other_ranks: bool, interruption: Interruption, tell: Callable[[str], None]
) -> Any:
    """The engine as it was when the checkpoint was written; `other_ranks` says that their number was another one.

    Raises:
        ConfigurationError, InterruptedByRequestError: see `converted`.
    """
    universal = other_ranks and zero_stage(setup.config) > 0  # ZeRO-0 deals nothing out: its checkpoint fits any number
    source = converted(checkpoint, zero_stage(setup.config), setup.ranks, interruption, tell) if universal else checkpoint
    engine = build_engine(setup, universal)
    load_checkpoint(engine, source)
    barrier()
    if universal and setup.ranks.main:
        discard_universal(source)
    return engine


def build_model(settings: TrainSettings, rows: Any, precision: str, ranks: Ranks, device: Any = "cpu") -> Any:
    """The model with the rows of the tags and, if wanted, adapters: the same on all ranks."""
    import torch

    from training.model import model_loading as models

    torch.manual_seed(settings.seed)
    model = models.load_model(settings.model, models.DTYPES[precision], device, ranks.main)
    if rows is not None:
        models.add_rows(model, rows)
    if settings.model.lora is not None:
        from training.model.adapters import add_adapters

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


def save_checkpoint(engine: Any, checkpoints: Checkpoints, state: RunState, ranks: Ranks) -> Path | None:
    """Write and publish a checkpoint; every rank calls it. The published folder, on the main rank.

    Raises:
        ConfigurationError: when the ranks do not share the folder.
    """
    partial = checkpoints.partial(state.step)
    if ranks.main:
        checkpoints.begin(state.step)
    barrier()
    frozen = any(not parameter.requires_grad for parameter in engine.module.parameters())
    engine.save_checkpoint(str(partial.parent), tag=partial.name, save_latest=False, exclude_frozen_parameters=frozen)
    barrier()
    own = [partial / name for name in dealt(all_gather_objects(files_of(partial)), ranks.rank)]
    absent = [name for names in all_gather_objects([path.name for path in own if not path.is_file()]) for name in names]
    if absent:
        raise ConfigurationError(unseen(partial, absent))
    sums = all_gather_objects(file_sums(own))
    published = None
    if ranks.main:
        for script in partial.parent.glob("zero_to_*.py"):  # DeepSpeed leaves one beside its checkpoints
            script.unlink()
        published = checkpoints.publish(state, {name: entry for part in sums for name, entry in part.items()})
    barrier()
    return published


def load_checkpoint(engine: Any, checkpoint: Path) -> None:
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


def converted(checkpoint: Path, stage: int, ranks: Ranks, interruption: Interruption, tell: Callable[[str], None]) -> Path:
    """The universal form of a checkpoint, for any number of ranks; every rank calls it. `discard_universal` removes it.

    The first rank has it made beside the checkpoint, which can take an hour for a large model on shared storage. The others look
    twice a second whether it is done, so that no collective waits for as long. `tell` is told what is going on.

    Raises:
        ConfigurationError: when DeepSpeed's tool fails; its last words are in the message.
        InterruptedByRequestError: when the run was asked to end meanwhile; what was made is removed.
    """
    conversion = Conversion(checkpoint, stage, tell) if ranks.main else None
    try:
        finished = interruption.wait(conversion.is_finished if conversion is not None else lambda: False)
        failure = conversion.failure() if conversion is not None and finished else None
    finally:
        if conversion is not None:
            conversion.stop()
    [folder, failure], *_ = all_gather_objects([None if conversion is None else str(conversion.folder), failure])
    if conversion is not None and (failure or not finished):
        discard_universal(conversion.folder)
    if not finished:
        raise InterruptedByRequestError
    if failure:
        raise ConfigurationError(
            f"elastic: DeepSpeed's tool could not convert {checkpoint} for another number of ranks:\n{failure}"
        )
    return Path(folder)


def conversion_command(checkpoint: Path, universal: Path, stage: int) -> list[str]:
    """The command line of DeepSpeed's own tool."""
    command = [sys.executable, "-m", "deepspeed.checkpoint.ds_to_universal"]
    command += ["--input_folder", str(checkpoint), "--output_folder", str(universal)]
    return command if stage == 3 else [*command, "--inject_missing_state"]


class Conversion:
    """DeepSpeed's tool at work on a checkpoint."""

    def __init__(self, checkpoint: Path, stage: int, tell: Callable[[str], None]) -> None:
        """Start it. What conversions that were killed have left is removed, and never used.

        Each has a folder of its own: the tool of a killed run may still be at work in its.
        """
        for leftover in checkpoint.parent.glob("*.universal"):
            shutil.rmtree(leftover, ignore_errors=True)
        self.folder = checkpoint.with_name(f"{checkpoint.name}.{uuid.uuid4().hex[:8]}.universal")
        self._tell, self._began, self._told = tell, time.monotonic(), time.monotonic()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `stop`)
        # In a session of its own, so that its workers can be ended with it.
        self._process = subprocess.Popen(
            conversion_command(checkpoint, self.folder, stage), stdout=self._log, stderr=self._log, start_new_session=True
        )
        tell(f"converting {checkpoint} for another number of ranks, which takes a while for a large model")

    def is_finished(self) -> bool:
        """Whether it has ended, well or not. How far it is, is told once a minute."""
        if self._process.poll() is not None:
            return True
        now = time.monotonic()
        if now - self._told >= TOLD_EVERY:
            self._told = now
            with contextlib.suppress(OSError):  # the tool removes files, too
                written = sum(path.stat().st_size for path in self.folder.rglob("*"))
                self._tell(f"still converting: {now - self._began:,.0f} s, {written / 1e9:,.1f} GB written")
        return False

    def failure(self) -> str | None:
        """The last words of a tool that is finished and has failed."""
        if self._process.wait() == 0:
            return None
        self._log.seek(0)
        return "\n".join(self._log.read().decode(errors="replace").strip().splitlines()[-5:]) or "(it said nothing)"

    def stop(self) -> None:
        """End it and its workers, if they have not."""
        if self._process.poll() != 0:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


def discard_universal(universal: Path) -> None:
    """Remove what `converted` has made."""
    shutil.rmtree(universal, ignore_errors=True)
    (universal.parent / "latest_universal").unlink(missing_ok=True)
