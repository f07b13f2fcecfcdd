"""Load a causal language model and give it rows for the tags: any Hugging Face architecture, ZeRO 0 to 3.

Weights come from safetensors only and no code of a checkpoint is run. Rows of added tokens are addressed by their ids, never
as "the last rows": embeddings may be padded beyond the tokenizer, and then the last rows are not theirs.
"""

import contextlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from spark_jobs.common.errors import ConfigurationError, first_line
from training.config import ModelSettings
from training.model import weight_files as weights
from training.model.weight_files import gathered

OPENING_TAG, CLOSING_TAG = "<translate>", "</translate>"

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


class Rows(NamedTuple):
    """What was added to a model for the tags."""

    added: tuple[int, ...]
    """Ids that the tokenizer did not have before; their rows are initialised."""
    known: int
    """Number of tokens that the tokenizer had; the rows that the mean is taken over."""


def load_tokenizer(path: str) -> Any:
    """The tokenizer of a model directory or hub id."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"model.path: no tokenizer could be loaded from {path!r} ({first_line(error)}); it takes a Hugging Face directory "
            "or hub id. `python -m training.tiny --config conf/train/tiny_model.yaml` makes an untrained model to try"
        ) from error


def add_tags(tokenizer: Any) -> tuple[tuple[int, int], Rows]:
    """Add both tags to the tokenizer as special tokens, unless it has them.

    Returns:
        ((id of the opening tag, id of the closing tag), the rows that the model needs for them).
    """
    from transformers import AddedToken

    known = len(tokenizer)
    vocabulary = tokenizer.get_vocab()
    tags = (OPENING_TAG, CLOSING_TAG)
    tokenizer.add_tokens([AddedToken(tag, special=True, normalized=False) for tag in tags], special_tokens=True)
    opening, closing = tokenizer.convert_tokens_to_ids(list(tags))
    added = tuple(token_id for tag, token_id in zip(tags, (opening, closing), strict=True) if tag not in vocabulary)
    return (opening, closing), Rows(added, known)


def load_model(settings: ModelSettings, dtype: torch.dtype, device: str = "cpu", main: bool = True) -> Any:
    """The model in `dtype` on `device`, ready to train. Every rank calls it; `main` is the one that reads for all under ZeRO-3.

    Under ZeRO-3 (see `training.engine.process_group.zero3`) each rank keeps its share only, wherever DeepSpeed puts it; see
    `training.model.weight_files` for how the tensors get there.
    """
    folder = weights.model_folder(settings.path)
    attention = {} if settings.attention == "auto" else {"attn_implementation": settings.attention}
    try:
        with weights.freed_at_once():
            model = _filled(folder, dtype, device, main, attention)
    except ConfigurationError:
        raise
    except (OSError, ValueError, ImportError) as error:
        raise ConfigurationError(
            f"model: {settings.path!r} could not be loaded with attention {settings.attention!r}: {first_line(error)}"
        ) from error
    model.name_or_path = settings.path
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    return model


def _filled(folder: Path, dtype: torch.dtype, device: str, main: bool, attention: Mapping[str, str]) -> Any:
    """The model of a folder with its weights: tensor by tensor, or by transformers where names must be translated."""
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
    from transformers.initialization import no_init_weights

    files = weights.weight_files(folder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    with no_init_weights(), torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False, **attention)
    model.tie_weights()  # which is left out with the initialisation
    if weights.readable(model, weights.shapes(files)):
        weights.load_weights(model, files, main)
        with contextlib.suppress(OSError):  # it may have none
            model.generation_config = GenerationConfig.from_pretrained(folder)
        return model
    del model
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, trust_remote_code=False, **attention)


def check_context(path: str, sequence_length: int) -> None:
    """Refuse sequences that are longer than the model's positions; reads the model's configuration, not its weights."""
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
    """Refuse flash_attention_2 where it cannot run; `device` is a type such as cuda or cpu."""
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


def add_rows(model: Any, rows: Rows) -> None:
    """Give the model rows for added tokens, input and output, each the mean of the rows of the tokens known before.

    Embeddings that are already large enough (padded) keep their size. Safe under ZeRO-3 and for tied embeddings.
    """
    if not rows.added:
        return
    needed = max(rows.added) + 1
    if _num_rows(model.get_input_embeddings().weight) < needed:
        model.resize_token_embeddings(needed, mean_resizing=False)
    matrices = {id(weight): weight for weight in _vocabulary_weights(model)}  # a tied matrix once
    for weight in matrices.values():
        with gathered([weight], modify=True), torch.no_grad():
            if weight.numel():  # under ZeRO-3 the modifying rank holds the values, and all ranks receive them
                mean = weight[: rows.known].float().mean(dim=0)
                for row in rows.added:
                    weight[row] = mean.to(weight.dtype)


def _vocabulary_weights(model: Any) -> list[nn.Parameter]:
    """Input embedding, output matrix and output bias, as far as the model has them."""
    output = model.get_output_embeddings()
    found = [model.get_input_embeddings().weight, getattr(output, "weight", None), getattr(output, "bias", None)]
    return [weight for weight in found if weight is not None]


def _num_rows(weight: nn.Parameter) -> int:
    return int(getattr(weight, "ds_shape", weight.shape)[0])
