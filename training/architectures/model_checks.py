"""Checks of a model before its weights are read: its parts, its positions, its router, its attention on this device."""

import importlib.util

from spark_jobs.common.errors import ConfigurationError
from training.architectures.router_loss import check_router_loss
from training.config import ModelSettings
from training.model.base_checkpoint import open_base
from training.model.text_part import require_decision


def check_model(settings: ModelSettings, sequence_length: int) -> None:
    """Refuse a model that cannot be trained as configured; reads configurations and file headers, not weights.

    Raises:
        ConfigurationError: without a causal language model or its weights, for other parts that the user has not decided about,
            for sequences that are longer than the model's positions, and for a router's loss that cannot be computed.
    """
    base = open_base(settings.path)
    require_decision(base.other, settings.other_parts, settings.path)
    check_router_loss(base.part.config, base.part.model_class, settings.router_loss)
    context = getattr(base.part.config, "max_position_embeddings", None)
    if context is not None and sequence_length > context:
        raise ConfigurationError(
            f"stream.sequence_length: {sequence_length} exceeds the {context} positions that {settings.path} has; use at most "
            f"{context}"
        )


def check_attention(attention: str, precision: str, device: str) -> None:
    """Refuse flash_attention_2 where it cannot run; `device` is a type such as cuda or cpu.

    Raises:
        ConfigurationError: without the package flash-attn, on a CPU, and in another precision than bf16.
    """
    if attention != "flash_attention_2":
        return
    remedy = "use model.attention=sdpa, which computes the same"
    if importlib.util.find_spec("flash_attn") is None:
        raise ConfigurationError(
            f"model.attention: 'flash_attention_2' needs the package flash-attn, which is not installed; {remedy}, or install it "
            "with pip install flash-attn --no-build-isolation (needs a GPU's compiler)"
        )
    if device == "cpu" or precision != "bf16":
        raise ConfigurationError(
            f"model.attention: 'flash_attention_2' runs in bf16 on GPUs, and this run is {precision} on {device}; {remedy}"
        )
