"""Not enough memory, in words: what was asked for, what the run needs by estimate, and what helps."""

import json
from typing import Any

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
    now: dict[str, Any] = {
        "stage": stage,
        "ranks": ranks,
        "sequence_length": settings.stream.sequence_length,
        "micro_batch_size": settings.micro_batch_size,
        "precision": precision,
        "gradient_checkpointing": settings.model.gradient_checkpointing,
        "attention": settings.model.attention,
        "zero": zero,
    }
    shape = find_shape(settings.model.path).shape

    total = estimate(shape, **now).total
    options = []
    if (fewer := settings.micro_batch_size // 2) > 0:
        options.append((f"micro_batch_size={fewer}", {"micro_batch_size": fewer}, "the global batch stays"))
    if not settings.model.gradient_checkpointing:
        options.append(("model.gradient_checkpointing=true", {"gradient_checkpointing": True}, "about a third slower"))
    if stage < 3 and ranks > 1:
        options.append(("deepspeed=conf/deepspeed/zero3.json", {"stage": 3}, "parameters are dealt out, too"))
    remedies = []
    for option, changes, price in options:
        less = estimate(shape, **(now | changes)).total
        if less < total:
            remedies.append(f"--set {option} ({_size(less)}; {price})")
    remedies.append("--set deepspeed=conf/deepspeed/zero3_offload.json (optimizer and parameters in the machine's memory; slow)")
    remedies.append("more GPUs: ZeRO divides by their number")
    remedies.append("a shorter stream.sequence_length, which is another stream")
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    lines = "\n".join(f"  {number}. {remedy}" for number, remedy in enumerate(remedies[:3], 1))
    return (
        f"not enough memory: {first}\nBy estimate a rank needs {_size(total)} (ZeRO-{stage}, ranks {ranks}, micro_batch_size "
        f"{settings.micro_batch_size}, sequences of {settings.stream.sequence_length} tokens). What helps:\n{lines}\n"
        "`--dry-run` shows the estimate for every ZeRO stage; a run with checkpoints goes on with --set resume=true"
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
