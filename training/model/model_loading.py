"""Loading a causal language model and its tokenizer: any Hugging Face architecture, ZeRO 0 to 3.

Weights come from safetensors only, and no code of a checkpoint is run.
"""

import contextlib
from collections.abc import Mapping

import torch

from spark_jobs.common.errors import ConfigurationError, first_line
from training.config import ModelSettings
from training.model.base_checkpoint import BaseCheckpoint, open_base
from training.model.protocols import CausalLanguageModel, Tokenizer
from training.model.weight_files import can_load_weights, freeing_memory_at_once, load_weights

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def load_tokenizer(path: str) -> Tokenizer:
    """The tokenizer of a model directory or hub id.

    Raises:
        ConfigurationError: when there is none.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)  # type: ignore[no-any-return]
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"model.path: no tokenizer could be loaded from {path!r} ({first_line(error)}); it takes a Hugging Face directory "
            "or hub id. `python -m training.tiny --config conf/train/tiny_model.yaml` makes an untrained model to try"
        ) from error


def load_model(
    settings: ModelSettings, dtype: torch.dtype, device: torch.device | str = "cpu", main: bool = True
) -> CausalLanguageModel:
    """The model in `dtype` on `device`, ready to train. Every rank calls it; under ZeRO-3 the `main` rank reads for all.

    Of a checkpoint with other parts it is the text part (`training.model.text_part`). Under ZeRO-3 (see
    `training.engine.deepspeed_config.activate_zero3_loading`) each rank keeps its share only, wherever DeepSpeed puts it;
    `training.model.weight_files` describes how the tensors get there.

    Raises:
        ConfigurationError: when the model cannot be found or loaded.
    """
    base = open_base(settings.path)
    base.require_decision(settings.other_parts)
    attention = {} if settings.attention == "auto" else {"attn_implementation": settings.attention}
    try:
        with freeing_memory_at_once():
            model = _load(base, dtype, device, main, attention)
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


def _load(
    base: BaseCheckpoint, dtype: torch.dtype, device: torch.device | str, main: bool, attention: Mapping[str, str]
) -> CausalLanguageModel:
    """The text model of a checkpoint with its weights: tensor by tensor, or by transformers where names must be translated."""
    from transformers import AutoModelForCausalLM, GenerationConfig
    from transformers.initialization import no_init_weights

    config, tensors = base.part.config, base.tensors
    model: CausalLanguageModel
    with no_init_weights(), torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False, **attention)
    model.tie_weights()  # it is left out together with the initialisation
    if can_load_weights(model, base.text_shapes):
        load_weights(model, base.files, main, tensors.in_text_model)
        with contextlib.suppress(OSError):  # it may have none
            model.generation_config = GenerationConfig.from_pretrained(base.folder)
        return model
    del model
    renamed = {} if base.part.whole is None else {"key_mapping": tensors.patterns()}
    model, report = AutoModelForCausalLM.from_pretrained(
        base.folder,
        config=config,
        dtype=dtype,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
        **renamed,
        **attention,
    )
    if missing := sorted(report["missing_keys"]):
        raise ConfigurationError(
            f"model.path: {base.folder} lacks {len(missing)} tensors of {type(model).__name__}, such as {missing[0]}, which "
            "would begin with random values; download the model again, or use one that this version of transformers can load"
        )
    return model
