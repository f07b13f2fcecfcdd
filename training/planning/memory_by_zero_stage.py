"""The memory of a run: with its own DeepSpeed configuration, and with every other ZeRO stage and offload."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from training.architectures.model_shapes import FoundShape, ModelShape
from training.config import TrainSettings
from training.engine.deepspeed_config import zero_stage
from training.planning.memory_estimate import MemoryEstimate, Offload, estimate_memory


@dataclass(frozen=True)
class MemoryRow:
    """The memory of a run with one ZeRO stage and one offload."""

    stage: int
    offload: Offload
    checkpointed: MemoryEstimate
    """With gradient checkpointing."""
    plain: MemoryEstimate
    """Without gradient checkpointing."""
    chosen: bool
    """Whether this is the run's DeepSpeed configuration."""


def memory_rows(
    settings: TrainSettings, deepspeed: Mapping[str, Any], ranks: int, precision: Literal["bf16", "fp32"], model: FoundShape
) -> Iterator[MemoryRow]:
    """A row for every ZeRO stage and offload. The sizes of DeepSpeed's buffers are those of the run's configuration."""
    zero = deepspeed.get("zero_optimization", {})
    chosen = (zero_stage(dict(deepspeed)), configured_offload(zero))
    both = [
        settings.model_copy(update={"model": settings.model.model_copy(update={"gradient_checkpointing": again})})
        for again in (True, False)
    ]
    for stage in range(4):
        for offload in get_args(Offload)[: (1, 2, 2, 3)[stage]]:
            checkpointed, plain = (estimate_run_memory(one, zero, ranks, precision, model, stage, offload) for one in both)
            yield MemoryRow(stage, offload, checkpointed, plain, chosen == (stage, offload))


def estimate_run_memory(
    settings: TrainSettings,
    zero: Mapping[str, Any],
    ranks: int,
    precision: Literal["bf16", "fp32"],
    model: FoundShape,
    stage: int,
    offload: Offload,
) -> MemoryEstimate:
    """Memory of one rank of a run, adapters included; `zero` holds the sizes of DeepSpeed's buffers.

    Raises:
        ValueError: for an offload that ZeRO does not have at that stage.
    """
    return estimate_memory(
        trained_shape(settings, model),
        stage=stage,
        ranks=ranks,
        sequence_length=settings.stream.sequence_length,
        micro_batch_size=settings.micro_batch_size,
        precision=precision,
        gradient_checkpointing=settings.model.gradient_checkpointing,
        attention=settings.model.attention,
        offload=offload,
        trained=trained_parameters(settings, model),
        zero=zero,
    )


def trained_parameters(settings: TrainSettings, model: FoundShape) -> int:
    """The number of trained parameters: all of the model, or those of its adapters."""
    lora = settings.model.lora
    return model.shape.parameters if lora is None else lora.rank * model.linear_features


def trained_shape(settings: TrainSettings, model: FoundShape) -> ModelShape:
    """The shape of the model with its adapters, if it has any."""
    if settings.model.lora is None:
        return model.shape
    return replace(model.shape, parameters=model.shape.parameters + trained_parameters(settings, model))


def configured_offload(zero: Mapping[str, Any]) -> Offload:
    """The offload that a section `zero_optimization` asks for.

    >>> configured_offload({"stage": 3, "offload_optimizer": {"device": "cpu"}})
    'optimizer'
    """
    optimizer, parameters = (
        zero.get(name, {}).get("device", "none") != "none" for name in ("offload_optimizer", "offload_param")
    )
    return "all" if parameters and optimizer else "optimizer" if optimizer else "none"
