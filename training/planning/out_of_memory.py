"""The message of a run that is out of memory: the estimate for this run, and the settings that need less."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from spark_jobs.common.errors import first_line
from spark_jobs.common.formatting import format_bytes
from training.architectures.model_shapes import find_shape
from training.config import TrainSettings
from training.engine.deepspeed_config import zero_stage
from training.engine.launch_environment import read_ranks
from training.planning.memory_by_zero_stage import configured_offload, estimate_run_memory
from training.planning.memory_estimate import MemoryEstimate, Offload

_MACHINE_MESSAGES = ("not enough memory", "can't allocate memory")
"""Torch's messages where the machine has no memory left (Windows and Linux)."""
_OFFLOADED = {"none": "", "optimizer": ", optimizer offloaded", "all": ", optimizer and parameters offloaded"}
_NEEDS_ELASTIC, _NEW_RUN = "to continue, elastic=true too", "a new run"
"""Changes that `training.engine.setting_changes.require_resumable` allows with `elastic` only, and those that it refuses."""


def explain_memory_error(error: BaseException, settings: TrainSettings) -> str | None:
    """The message for an error that is due to memory; None for any other error."""
    return explain_out_of_memory(error, settings, read_ranks().size) if is_out_of_memory(error) else None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a GPU or the machine has no memory left."""
    of_machine = isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _contains(error, _MACHINE_MESSAGES))
    return of_machine or is_gpu_out_of_memory(error)


def is_gpu_out_of_memory(error: BaseException) -> bool:
    """Whether a GPU has no memory left: an error of torch's allocator, or of CUDA itself ("CUDA error: out of memory")."""
    import torch

    of_cuda = isinstance(error, RuntimeError) and _contains(error, ("out of memory",))
    return isinstance(error, torch.OutOfMemoryError) or of_cuda


def _contains(error: BaseException, messages: tuple[str, ...]) -> bool:
    return any(text in str(error).lower() for text in messages)


class Remedy(NamedTuple):
    """A change that needs less memory."""

    change: str
    needs: MemoryEstimate
    price: str
    resuming: str = ""
    """Needed by a run with checkpoints to continue with the change; empty if resume=true is enough."""


def explain_out_of_memory(error: BaseException, settings: TrainSettings, ranks: int) -> str:
    """The error's first line, the memory that a rank needs by estimate, and up to three remedies with their estimates.

    The estimate is that of `--dry-run`, adapters and offload included. A remedy needs less of the memory that is short: the
    GPU's, or the machine's.
    """
    config = json.loads(settings.deepspeed.read_text(encoding="utf-8"))
    stage, offload = zero_stage(config), effective_offload(config)
    now = _estimate(settings, config, ranks, error)
    machine_is_short = bool(now.host) and not is_gpu_out_of_memory(error)
    remedies = []
    for remedy in _possible_changes(settings, config, ranks, error, machine_is_short):
        if remedy.needs.host < now.host if machine_is_short else remedy.needs.total < now.total:
            notes = "; ".join(filter(None, (_size(remedy.needs), remedy.price, remedy.resuming)))
            remedies.append(f"{remedy.change} ({notes})")
    first = first_line(error) or type(error).__name__
    lines = "\n".join(f"  {number}. {remedy}" for number, remedy in enumerate(remedies[:3], 1))
    advice = f"What helps:\n{lines}" if remedies else "No setting needs less: use a smaller model, or GPUs with more memory."
    return (
        f"not enough memory: {first}\nBy estimate a rank needs {_size(now)} (ZeRO-{stage}{_OFFLOADED[offload]}, ranks {ranks}, "
        f"micro_batch_size {settings.micro_batch_size}, sequences of {settings.stream.sequence_length} tokens). {advice}\n"
        "`--dry-run` shows the estimate for every ZeRO stage. A run with checkpoints continues with --set resume=true; a change "
        'that is marked "a new run" needs another output_dir, or overwrite=true'
    )


def effective_offload(config: dict[str, Any]) -> Offload:
    """The offload of a DeepSpeed configuration at its stage: optimizer states from stage 1 on, parameters at stage 3.

    >>> in_memory = {"device": "cpu"}
    >>> effective_offload({"zero_optimization": {"stage": 2, "offload_optimizer": in_memory, "offload_param": in_memory}})
    'optimizer'
    """
    stage, offload = zero_stage(config), configured_offload(config.get("zero_optimization", {}))
    return "none" if stage == 0 else "optimizer" if offload == "all" and stage < 3 else offload


def _possible_changes(
    settings: TrainSettings, config: dict[str, Any], ranks: int, error: BaseException, machine_is_short: bool
) -> Iterator[Remedy]:
    """Changes that are not made yet, the cheapest first, whether or not they need less memory."""
    stage, offload = zero_stage(config), effective_offload(config)

    def needs(changes: dict[str, Any], ranks: int = ranks, stage: int = stage, offload: Offload = offload) -> MemoryEstimate:
        return _estimate(settings.model_copy(update=changes), config, ranks, error, stage, offload)

    whole = settings.global_batch_size // ranks
    fewer = max((n for n in range(1, settings.micro_batch_size // 2 + 1) if whole % n == 0), default=0)
    if fewer:
        price = "the global batch stays"
        yield Remedy(f"--set micro_batch_size={fewer}", needs({"micro_batch_size": fewer}), price, _NEEDS_ELASTIC)
    if not settings.model.gradient_checkpointing:
        model = settings.model.model_copy(update={"gradient_checkpointing": True})
        yield Remedy("--set model.gradient_checkpointing=true", needs({"model": model}), "about a third slower")
    if machine_is_short:
        price = "nothing offloaded"
        file = f"conf/deepspeed/zero{stage}.json"
        yield Remedy(f"--set deepspeed={file}", needs({}, offload="none"), price, _NEEDS_ELASTIC)
    elif stage < 3 and ranks > 1:
        price = "parameters are sharded, too"
        yield Remedy("--set deepspeed=conf/deepspeed/zero3.json", needs({}, stage=3, offload="none"), price, _NEW_RUN)
    if is_gpu_out_of_memory(error) and offload == "none" and stage == 2:
        price = "optimizer in the machine's memory; slower"
        file = "conf/deepspeed/zero2_offload.json"
        yield Remedy(f"--set deepspeed={file}", needs({}, offload="optimizer"), price, _NEEDS_ELASTIC)
    if is_gpu_out_of_memory(error) and offload != "all":
        price, resuming = "optimizer and parameters in the machine's memory; slow", _NEEDS_ELASTIC if stage == 3 else _NEW_RUN
        yield Remedy("--set deepspeed=conf/deepspeed/zero3_offload.json", needs({}, stage=3, offload="all"), price, resuming)
    if whole % (2 * settings.micro_batch_size) == 0:
        yield Remedy(f"{2 * ranks} GPUs", needs({}, ranks=2 * ranks), "ZeRO divides by their number", _NEEDS_ELASTIC)
    shorter = settings.stream.sequence_length // 2
    stream = settings.stream.model_copy(update={"sequence_length": shorter})
    yield Remedy(f"--set stream.sequence_length={shorter}", needs({"stream": stream}), "another stream", _NEW_RUN)


def _estimate(
    settings: TrainSettings,
    config: dict[str, Any],
    ranks: int,
    error: BaseException,
    stage: int | None = None,
    offload: Offload | None = None,
) -> MemoryEstimate:
    """Memory of a rank, with the configuration's stage and offload where they are not given."""
    import torch

    precision = settings.model.precision
    if precision == "auto":
        precision = "bf16" if is_gpu_out_of_memory(error) or torch.cuda.is_available() else "fp32"
    stage = zero_stage(config) if stage is None else stage
    offload = effective_offload(config) if offload is None else offload
    zero, model = config.get("zero_optimization", {}), find_shape(settings.model.path)
    return estimate_run_memory(settings, zero, ranks, precision, model, stage, offload)


def _size(memory: MemoryEstimate) -> str:
    on_host = f" and {format_bytes(memory.host)} of the machine's memory" if memory.host else ""
    return f"{format_bytes(memory.total)}{on_host}"
