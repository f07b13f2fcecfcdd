"""The text part of a model: which causal language model is trained, and how a checkpoint that holds more names its tensors.

Many published checkpoints hold more than a language model: a vision tower and a projector (Gemma 3, Mistral 3, Qwen 3.5, LLaVA),
or layers that predict several tokens ahead (`mtp`). Only the text part is loaded and trained, as the plain causal language model
that transformers has for it; the *other parts* never reach a GPU. The exported model is that plain model, or the whole checkpoint
with the other parts as they were: `model.other_parts` decides.

Everything here follows from configurations and names; no weight is read.

    in the checkpoint                                    in the text model
    language_model.model.layers.0.mlp.up_proj.weight     model.layers.0.mlp.up_proj.weight      Gemma 3, Mistral 3, LLaVA
    language_model.lm_head.weight                        lm_head.weight
    model.language_model.layers.0.mlp.up_proj.weight     model.layers.0.mlp.up_proj.weight      Qwen 3.5, Gemma 3n
    vision_tower.encoder.layers.0.mlp.fc1.weight         (another part)
"""

import copy
import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from spark_jobs.common.errors import ConfigurationError
from training.model.protocols import ModelConfig

_FORGOTTEN = r"rotary_emb\.inv_freq$"
"""Tensors of old checkpoints that follow from the configuration; they are neither loaded nor kept."""


class TextPart(NamedTuple):
    """The causal language model in a configuration."""

    config: ModelConfig
    model_class: type
    """Of transformers."""
    whole: ModelConfig | None
    """The configuration of the checkpoint, where it describes more than the text model."""


class TensorNames(NamedTuple):
    """How a checkpoint names the tensors of its text model: those of the body of layers, and others, as the output matrix."""

    text_body: str
    """Beginning of the body's names in the text model: `model.`."""
    body: str
    """The same in the checkpoint: `language_model.model.`."""
    head: str
    """Beginning of other names in the checkpoint: `language_model.`, or nothing."""

    def in_checkpoint(self, name: str) -> str:
        """The checkpoint's name of a tensor of the text model.

        >>> TensorNames("model.", "language_model.model.", "language_model.").in_checkpoint("lm_head.weight")
        'language_model.lm_head.weight'
        """
        return self.body + name.removeprefix(self.text_body) if name.startswith(self.text_body) else self.head + name

    def in_text_model(self, name: str) -> str | None:
        """The text model's name of a tensor of the checkpoint; None for a name that none of its tensors can have.

        >>> TensorNames("model.", "model.language_model.", "").in_text_model("model.language_model.norm.weight")
        'model.norm.weight'
        """
        if name.startswith(self.body):
            return self.text_body + name.removeprefix(self.body)
        if not name.startswith(self.head) or name.removeprefix(self.head).startswith(self.text_body):
            return None
        return name.removeprefix(self.head)

    def patterns(self) -> dict[str, str]:
        """Regular expressions for names in the checkpoint, and what replaces them in the text model, as transformers takes it."""
        found = {f"^{re.escape(self.body)}": self.text_body}
        return found | ({f"^{re.escape(self.head)}": ""} if self.head else {})


def find_text_part(config: ModelConfig, path: str) -> TextPart:
    """The causal language model that a configuration describes, alone or among other parts; `path` names it in messages.

    Raises:
        ConfigurationError: when transformers has no causal language model for it.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    try:
        text = config.get_text_config()
    except ValueError as error:  # several text models
        raise ConfigurationError(
            f"model.path: {path} ({config.model_type}) holds several text models, so it is not a causal language model; use one "
            "that has a single decoder"
        ) from error
    if type(text) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        inside = "" if text is config else f", whose text model is {text.model_type}"
        raise ConfigurationError(
            f"model.path: {path} is {config.model_type}{inside}, and transformers has no causal language model for it; use a "
            "checkpoint of a decoder for text"
        )
    model_class = MODEL_FOR_CAUSAL_LM_MAPPING[type(text)]
    if text is config:
        return TextPart(config, model_class, None)
    text = copy.deepcopy(text)
    text.tie_word_embeddings = config.tie_word_embeddings  # the whole model ties by its own configuration
    return TextPart(text, model_class, config)


def find_tensor_names(part: TextPart, names: Collection[str]) -> TensorNames:
    """How a checkpoint with tensors of these `names` calls those of its text model: the convention that fits most of them."""
    body = f"{part.model_class.base_model_prefix}."  # type: ignore[attr-defined]  # transformers' classes have it
    plain = TensorNames(body, body, "")
    if part.whole is None:
        return plain
    wrapped = f"language_model.{body}"
    known = (TensorNames(body, wrapped, "language_model."), TensorNames(body, "model.language_model.", ""), plain)
    return max(known, key=lambda found: sum(name.startswith(found.body) for name in names))


def find_other_tensors(part: TextPart, tensors: TensorNames, names: Iterable[str], own: Collection[str]) -> list[str]:
    """The tensors of a checkpoint that belong to other parts, sorted.

    Args:
        part: the text part.
        tensors: how the checkpoint names its tensors.
        names: of all tensors of the checkpoint.
        own: names of the text model's tensors. Its names may be those of another version, so inside the text part only
            tensors that the architecture itself leaves out count as another part.
    """
    left_out = [*(getattr(part.model_class, "_keys_to_ignore_on_load_unexpected", None) or [])]
    heads = {name.partition(".")[0] for name in own if not name.startswith(tensors.text_body)}

    def is_other(name: str) -> bool:
        inside = tensors.in_text_model(name)
        if inside in own or re.search(_FORGOTTEN, name):
            return False
        if inside is not None and any(re.search(pattern, inside) for pattern in left_out):
            return True
        in_text = inside is not None and (inside.startswith(tensors.text_body) or inside.partition(".")[0] in heads)
        return part.whole is not None and not in_text

    return sorted(name for name in names if is_other(name))


def describe_parts(names: Iterable[str]) -> str:
    """The parts of a checkpoint by the beginnings of their tensors' names, with numbers.

    >>> describe_parts(["vision_tower.a", "vision_tower.b", "model.visual.c"])
    'model.visual (1 tensor), vision_tower (2 tensors)'
    """
    counts = Counter(".".join(name.split(".")[: 2 if name.startswith("model.") else 1]) for name in names)
    return ", ".join(f"{part} ({count} tensor{'s' * (count != 1)})" for part, count in sorted(counts.items()))
