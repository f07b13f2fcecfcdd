"""Not enough memory, in words: what was asked for, what the run needs by estimate, and what helps."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from spark_jobs.common.errors import first_line
from spark_jobs.common.formatting import format_bytes
from training.config import TrainSettings
from training.engine.deepspeed_config import zero_stage
from training.model.model_shapes import find_shape
from training.planning.memory_estimate import Memory, Offload
from training.planning.run_plan import chosen_offload, run_memory

_OF_THE_MACHINE = ("not enough memory", "can't allocate memory")
"""Torch's words where the machine has no memory left (Windows and Linux)."""
_OFFLOADED = {"none": "", "optimizer": ", optimizer offloaded", "all": ", optimizer and parameters offloaded"}
_ELASTIC, _ANEW = "to go on, elastic=true too", "a new run"
"""What `training.engine.resume.check_resumable` asks for beside resume=true, and what it refuses to go on with."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a GPU or the machine has no memory left."""
    of_machine = isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _says(error, _OF_THE_MACHINE))
    return of_machine or is_of_gpu(error)


def is_of_gpu(error: BaseException) -> bool:
    """Whether an error says that a GPU has no memory left: torch's allocator, or CUDA itself ("CUDA error: out of memory")."""
    return isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and _says(error, ("out of memory",)))


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    return any(text in str(error).lower() for text in words)


class Remedy(NamedTuple):
    """A change that needs less memory."""

    change: str
    needs: Memory
    price: str
    going_on: str = ""
    """What it means for a run with checkpoints; nothing where it goes on with resume=true."""


def explain_out_of_memory(error: BaseException, settings: TrainSettings, ranks: int) -> str:
    """The message for a person: the error's first line, the estimate of `training.planning.memory_estimate`, up to three remedies with theirs.

    The estimate is that of `--dry-run`, adapters and offload included. A remedy needs less than it of the memory that is short:
    the GPU's, or the machine's.
    """
    config = json.loads(settings.deepspeed.read_text(encoding="utf-8"))
    stage, offload = zero_stage(config), offload_of(config)
    now = _estimate(settings, config, ranks, error)
    short_of_host = bool(now.host) and not is_of_gpu(error)
    remedies = []
    for remedy in _remedies(settings, config, ranks, error, short_of_host):
        if remedy.needs.host < now.host if short_of_host else remedy.needs.total < now.total:
            notes = "; ".join(filter(None, (_size(remedy.needs), remedy.price, remedy.going_on)))
            remedies.append(f"{remedy.change} ({notes})")
    first = first_line(error) or type(error).__name__
    lines = "\n".join(f"  {number}. {remedy}" for number, remedy in enumerate(remedies[:3], 1))
    what_helps = f"What helps:\n{lines}" if remedies else "No setting needs less: use a smaller model, or GPUs with more memory."
    return (
        f"not enough memory: {first}\nBy estimate a rank needs {_size(now)} (ZeRO-{stage}{_OFFLOADED[offload]}, ranks {ranks}, "
        f"micro_batch_size {settings.micro_batch_size}, sequences of {settings.stream.sequence_length} tokens). {what_helps}\n"
        "`--dry-run` shows the estimate for every ZeRO stage. A run with checkpoints goes on with --set resume=true, but not "
        "with what makes it a new run: that takes another output_dir, or overwrite=true"
    )


def offload_of(config: dict[str, Any]) -> Offload:
    """What a DeepSpeed configuration offloads at its stage: optimizer states from stage 1 on, parameters at stage 3.

    >>> in_memory = {"device": "cpu"}
    >>> offload_of({"zero_optimization": {"stage": 2, "offload_optimizer": in_memory, "offload_param": in_memory}})
    'optimizer'
    """
    stage, offload = zero_stage(config), chosen_offload(config.get("zero_optimization", {}))
    return "none" if stage == 0 else "optimizer" if offload == "all" and stage < 3 else offload


def _remedies(
    settings: TrainSettings, config: dict[str, Any], ranks: int, error: BaseException, short_of_host: bool
) -> Iterator[Remedy]:
    """What could be changed and is not yet so, the cheapest first, whether or not it helps."""
    stage, offload = zero_stage(config), offload_of(config)

    def needs(changes: dict[str, Any], ranks: int = ranks, stage: int = stage, offload: Offload = offload) -> Memory:
        return _estimate(settings.model_copy(update=changes), config, ranks, error, stage, offload)

    whole = settings.global_batch_size // ranks
    fewer = max((n for n in range(1, settings.micro_batch_size // 2 + 1) if whole % n == 0), default=0)
    if fewer:
        yield Remedy(f"--set micro_batch_size={fewer}", needs({"micro_batch_size": fewer}), "the global batch stays", _ELASTIC)
    if not settings.model.gradient_checkpointing:
        model = settings.model.model_copy(update={"gradient_checkpointing": True})
        yield Remedy("--set model.gradient_checkpointing=true", needs({"model": model}), "about a third slower")
    if short_of_host:
        price = "nothing offloaded"
        yield Remedy(f"--set deepspeed=conf/deepspeed/zero{stage}.json", needs({}, offload="none"), price)
    elif stage < 3 and ranks > 1:
        price = "parameters are dealt out, too"
        yield Remedy("--set deepspeed=conf/deepspeed/zero3.json", needs({}, stage=3, offload="none"), price, _ANEW)
    if is_of_gpu(error) and offload == "none" and stage == 2:
        price = "optimizer in the machine's memory; slower"
        yield Remedy("--set deepspeed=conf/deepspeed/zero2_offload.json", needs({}, offload="optimizer"), price)
    if is_of_gpu(error) and offload != "all":
        price, anew = "optimizer and parameters in the machine's memory; slow", "" if stage == 3 else _ANEW
        yield Remedy("--set deepspeed=conf/deepspeed/zero3_offload.json", needs({}, stage=3, offload="all"), price, anew)
    if whole % (2 * settings.micro_batch_size) == 0:
        yield Remedy(f"{2 * ranks} GPUs", needs({}, ranks=2 * ranks), "ZeRO divides by their number", _ELASTIC)
    shorter = settings.stream.sequence_length // 2
    stream = settings.stream.model_copy(update={"sequence_length": shorter})
    yield Remedy(f"--set stream.sequence_length={shorter}", needs({"stream": stream}), "another stream", _ANEW)


def _estimate(
    settings: TrainSettings,
    config: dict[str, Any],
    ranks: int,
    error: BaseException,
    stage: int | None = None,
    offload: Offload | None = None,
) -> Memory:
    """Memory of a rank, at another stage or with another offload than the configuration's where they are given."""
    precision = settings.model.precision
    if precision == "auto":
        precision = "bf16" if is_of_gpu(error) or torch.cuda.is_available() else "fp32"
    stage, offload = zero_stage(config) if stage is None else stage, offload_of(config) if offload is None else offload
    zero, model = config.get("zero_optimization", {}), find_shape(settings.model.path)
    return run_memory(settings, zero, ranks, precision, model, stage, offload)


def _size(memory: Memory) -> str:
    on_host = f" and {format_bytes(memory.host)} of the machine's memory" if memory.host else ""
    return f"{format_bytes(memory.total)}{on_host}"
