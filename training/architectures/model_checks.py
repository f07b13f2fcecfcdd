"""Checks of a model before its weights are read: its parts, its positions, its router, its attention on this device."""

import importlib.util

from spark_jobs.common.errors import ConfigurationError, first_line
from training.architectures.router_loss import check_router_loss
from training.config import ModelSettings
from training.model.base_checkpoint import open_base
from training.model.text_part import find_text_part


def check_configuration(settings: ModelSettings, sequence_length: int) -> None:
    """Refuse a model whose configuration does not allow the run; of a model on the hub, only the configuration is fetched.

    Raises:
        ConfigurationError: where transformers has no causal language model for it, for sequences that are longer than the model's
            positions, and for a router's loss that cannot be computed.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(settings.path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"model.path: {settings.path!r} has no configuration that transformers knows: {first_line(error)}"
        ) from error
    part = find_text_part(config, settings.path)
    check_router_loss(part.config, part.model_class, settings.router_loss)
    context = getattr(part.config, "max_position_embeddings", None)
    if context is not None and sequence_length > context:
        raise ConfigurationError(
            f"stream.sequence_length: {sequence_length} exceeds the {context} positions that {settings.path} has; use at most "
            f"{context}"
        )


def check_parts(settings: ModelSettings) -> None:
    """Refuse a checkpoint without weights, or with other parts that the user has not decided about; reads the files' headers.

    Raises:
        ConfigurationError: with the remedy.
    """
    open_base(settings.path).require_decision(settings.other_parts)


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
