"""Checks of a model's configuration before its weights are read: its positions, its attention on this device."""

import importlib.util

from spark_jobs.common.errors import ConfigurationError, first_line


def check_context(path: str, sequence_length: int) -> None:
    """Refuse sequences that are longer than the model's positions; reads the model's configuration, not its weights.

    Raises:
        ConfigurationError: for too long sequences, and for a path without a configuration.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"model.path: {path!r} has no configuration that transformers knows: {first_line(error)}"
        ) from error
    context = getattr(config, "max_position_embeddings", None)
    if context is not None and sequence_length > context:
        raise ConfigurationError(
            f"stream.sequence_length: {sequence_length} exceeds the {context} positions that {path} has; use at most {context}"
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
