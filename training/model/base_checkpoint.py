"""The checkpoint that training begins with: its files, its text part and its other parts. Reads configurations and headers."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from spark_jobs.common.errors import ConfigurationError, first_line
from training.model.protocols import CausalLanguageModel, ModelConfig
from training.model.text_part import (
    TensorNames,
    TextPart,
    describe_parts,
    find_other_tensors,
    find_tensor_names,
    find_text_part,
)
from training.model.weight_files import fetch_model_folder, list_weight_files, tensor_shapes

_PROCESSOR_FILES = (
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "chat_template.json",
    "chat_template.jinja",
)
"""Files of other parts beside the weights, which loaders of the whole model need."""


@dataclass(frozen=True)
class BaseCheckpoint:
    """A checkpoint of a causal language model, alone or among other parts."""

    path: str
    """`model.path`."""
    folder: Path
    files: tuple[Path, ...]
    """Of weights."""
    shapes: Mapping[str, tuple[int, ...]]
    """Name -> shape of every tensor."""
    part: TextPart
    tensors: TensorNames
    other: tuple[str, ...]
    """Tensors of other parts."""

    @property
    def text_shapes(self) -> dict[str, tuple[int, ...]]:
        """The tensors of the text part, by their names in the text model. A name that fits none stays as it is."""
        own = self.shapes.keys() - set(self.other)
        return {self.tensors.in_text_model(name) or name: self.shapes[name] for name in own}

    @property
    def processor_files(self) -> list[Path]:
        """The files of other parts that are not weights."""
        return [self.folder / name for name in _PROCESSOR_FILES if (self.folder / name).is_file()]

    def require_decision(self, decision: Literal["keep", "drop"] | None) -> None:
        """Refuse to train a checkpoint with other parts before the user has decided to keep or to drop them.

        Raises:
            ConfigurationError: without a decision, and for one that cannot be carried out.
        """
        if self.other and decision is None:
            raise ConfigurationError(
                f"model.path: {self.path} holds more than the text model that is trained: {describe_parts(self.other)}. Set "
                "model.other_parts=keep to copy it into the exported model unchanged, or =drop to export the text model alone"
            )
        if decision == "keep" and self.part.whole is not None and _text_key(self.part.whole) is None:
            raise ConfigurationError(
                f"model.other_parts: keep, but the configuration of {self.path} does not hold that of its text model at its top "
                "level, so the whole cannot be written again; use drop"
            )

    def whole_config(self, trained: ModelConfig) -> ModelConfig:
        """The configuration of the whole checkpoint around a trained text model; that of the text model if it is the whole."""
        if self.part.whole is None:
            return trained
        whole, text = copy.deepcopy(self.part.whole), copy.deepcopy(trained)
        before = whole.get_text_config()
        text.tie_word_embeddings, text.architectures = before.tie_word_embeddings, before.architectures
        key = _text_key(whole)
        assert key is not None, "require_decision has refused it"
        setattr(whole, key, text)
        whole.dtype = trained.dtype
        return whole


def _text_key(whole: ModelConfig) -> str | None:
    """The key of the text model's configuration in that of the whole checkpoint."""
    text = whole.get_text_config()
    return next((name for name, value in vars(whole).items() if value is text), None)


def open_base(path: str) -> BaseCheckpoint:
    """The checkpoint of `model.path`; an id is fetched from the hub first. Reads configurations and the headers of weights.

    Raises:
        ConfigurationError: when there is none, or transformers has no causal language model for it.
    """
    from transformers import AutoConfig

    folder = fetch_model_folder(path)
    files = list_weight_files(folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"model.path: {path!r} has no configuration that transformers knows: {first_line(error)}"
        ) from error
    part = find_text_part(config, path)
    shapes = tensor_shapes(files)
    if part.whole is not None and not any(name.endswith("lm_head.weight") for name in shapes):
        part.config.tie_word_embeddings = True  # whatever the configuration states, there is one matrix for both
    with torch.device("meta"):
        twin: CausalLanguageModel = part.model_class(part.config)
    own = set(twin.state_dict())
    tensors = find_tensor_names(part, shapes)
    other = find_other_tensors(part, tensors, shapes, own)
    return BaseCheckpoint(path, folder, tuple(files), shapes, part, tensors, tuple(other))
