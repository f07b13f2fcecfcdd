"""Not enough memory, in words: what was asked for, what the run needs by estimate, and what helps."""

import json
from typing import Any, Literal, cast

import torch

from training.config import TrainSettings
from training.distributed import zero_stage
from training.memory import estimate
from training.model_shapes import find_shape


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a GPU or the machine has no memory left."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in ("not enough memory", "can't allocate memory"))
    )


def explain(error: BaseException, settings: TrainSettings, ranks: int) -> str:
    """The message for a person: the error's first line, the estimate of `training.memory`, three remedies with their figures."""
    config = json.loads(settings.deepspeed.read_text(encoding="utf-8"))
    stage, zero = zero_stage(config), config.get("zero_optimization", {})
    on_gpu = torch.cuda.is_available() and isinstance(error, torch.OutOfMemoryError)
    precision = settings.model.precision if settings.model.precision != "auto" else ("bf16" if on_gpu else "fp32")
    again = settings.model.gradient_checkpointing
    now = _needed(settings, ranks, stage, precision, zero, settings.micro_batch_size, again)
    remedies = []
    if settings.micro_batch_size > 1:
        fewer = settings.micro_batch_size // 2
        needed = _needed(settings, ranks, stage, precision, zero, fewer, again)
        remedies.append(f"--set micro_batch_size={fewer} ({needed}; the global batch stays)")
    if not again:
        needed = _needed(settings, ranks, stage, precision, zero, settings.micro_batch_size, True)
        remedies.append(f"--set model.gradient_checkpointing=true ({needed}; about a third slower)")
    if stage < 3 and ranks > 1:
        needed = _needed(settings, ranks, 3, precision, zero, settings.micro_batch_size, again)
        remedies.append(f"--set deepspeed=conf/deepspeed/zero3.json ({needed})")
    remedies.append("--set deepspeed=conf/deepspeed/zero3_offload.json (optimizer and parameters in the machine's memory; slow)")
    remedies.append("more GPUs: ZeRO divides by their number")
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    lines = "\n".join(f"  {number}. {remedy}" for number, remedy in enumerate(remedies[:3], 1))
    return (
        f"not enough memory: {first}\nBy estimate a rank needs {now} with ZeRO-{stage} on {ranks} ranks, micro_batch_size "
        f"{settings.micro_batch_size} and sequences of {settings.stream.sequence_length} tokens. What helps:\n{lines}\n"
        "`--dry-run` shows the estimate for every ZeRO stage; a run with checkpoints goes on with --set resume=true"
    )


def _needed(
    settings: TrainSettings, ranks: int, stage: int, precision: str, zero: dict[str, Any], micro: int, again: bool
) -> str:
    memory = estimate(
        find_shape(settings.model.path).shape,
        stage=stage,
        ranks=ranks,
        sequence_length=settings.stream.sequence_length,
        micro_batch_size=micro,
        precision=cast(Literal["bf16", "fp32"], precision),
        gradient_checkpointing=again,
        attention=settings.model.attention,
        zero=zero,
    )
    return f"{memory.total / 2**30:.1f} GiB" if memory.total >= 2**29 else f"{memory.total / 2**20:.0f} MiB"
