"""The sizes of a decoder that determine its FLOPs and its memory: of a loaded model, of a configuration, or as published.

No weight is read: a configuration becomes a model on torch's `meta` device, which has shapes and no values. The shapes of models
that the hub gives only after a licence is accepted are data (`model_shapes.yaml`), so that a run can be planned before that.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from spark_jobs.common.errors import ConfigurationError, first_line
from spark_jobs.common.strict_yaml import read_yaml
from training.architectures.experts import experts_per_token, feed_forward_width, unused_parameters
from training.model.protocols import CausalLanguageModel, ModelConfig
from training.model.text_part import find_text_part
from training.model.zero3_parameters import count_parameters, whole_shape

_GATES = ("gate_proj", "gate_up", ".w3.")
"""In the names of a feed-forward layer's matrices, where it has a gate. A router is often called `gate`, too."""

PUBLISHED = Path(__file__).with_name("model_shapes.yaml")


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a decoder-only transformer, dense or a mixture of experts."""

    parameters: int
    """All of them; a matrix that input and output share counts once."""
    lookup_parameters: int
    """Those that are only looked up, never multiplied: embeddings of tokens (unless the output shares them) and positions."""
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    intermediate_size: int
    """Width of the feed-forward layers that a token goes through: of all its experts together, on average over layers."""
    vocab_size: int
    """Rows of the output matrix."""
    gated_mlp: bool = True
    """Whether the feed-forward layers have three matrices (gate, up, down), as Llama's; else two."""
    unused_parameters: int = 0
    """Those of experts that a token does not use: they take memory, and cost no FLOPs."""
    experts_per_token: int = 0
    """0 for a dense model."""
    largest_module: int = 0
    """Parameters of the largest layer that ZeRO-3 gathers at once, such as all experts of a block; 0 if not known."""


class FoundShape(NamedTuple):
    """A shape, and where it was found."""

    shape: ModelShape
    context: int | None
    """Positions that the model has; None where its configuration does not say."""
    linear_features: int
    """Inputs and outputs of all linear layers but the output matrix: an adapter of rank 1 (LoRA) has as many parameters."""
    source: str
    """For display: a file, or a publication."""


def shape_of(model: CausalLanguageModel) -> ModelShape:
    """The shape of a causal language model of transformers: with weights, on `meta`, or partitioned by ZeRO-3.

    Raises:
        ConfigurationError: for experts of which the configuration does not say how many a token uses.
    """
    from torch import nn

    config = model.config.get_text_config()
    heads = config.num_attention_heads
    output = model.get_output_embeddings()
    shared = None if output is None else output.weight
    tables = {id(m.weight): m.weight for m in model.modules() if isinstance(m, nn.Embedding)}
    gated = any(part in name for name, _ in model.named_parameters() for part in _GATES)
    return ModelShape(
        parameters=count_parameters(model.parameters()),
        lookup_parameters=count_parameters(weight for weight in tables.values() if weight is not shared),
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_heads=heads,
        num_kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
        intermediate_size=feed_forward_width(model, gated),
        vocab_size=whole_shape(shared)[0] if shared is not None else config.vocab_size,
        gated_mlp=gated,
        unused_parameters=unused_parameters(model),
        experts_per_token=experts_per_token(model),
        largest_module=max(count_parameters(module.parameters(recurse=False)) for module in model.modules()),
    )


def find_shape(path: str, rows: int = 0) -> FoundShape:
    """The shape of the model that `model.path` names, with at least `rows` rows in its embeddings, as tags may need them.

    Sources, in this order: the folder's `config.json`; the hub's, if it is in the cache of this machine; the published shapes;
    the hub itself.

    Raises:
        ConfigurationError: where no source has the model.
    """
    from transformers import AutoConfig

    local = config_file(path)
    if local is None and path in published_shapes():
        entry = dict(published_shapes()[path])
        source = f"its published shape ({entry.pop('source')}), for {path} is not on this machine"
        return _found(AutoConfig.for_model(**entry), path, source, rows)
    try:
        config = AutoConfig.from_pretrained(local.parent if local else path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"model.path: {path!r} is neither a folder with a config.json, nor a model that the hub gives this machine "
            f"({first_line(error)}), nor one whose shape is known here ({', '.join(published_shapes())}). "
            "Correct it, or make an untrained model to try with `python -m training.tiny --config conf/train/tiny_model.yaml`"
        ) from error
    return _found(config, path, str(local or f"the hub's config.json of {path}"), rows)


def config_file(path: str) -> Path | None:
    """The `config.json` of a model on this machine: in its folder, or in the hub's cache; None if there is none."""
    if (Path(path) / "config.json").is_file():
        return Path(path) / "config.json"
    if Path(path).exists() or path.count("/") > 1:  # not a hub id
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(path, "config.json")
    return Path(found) if isinstance(found, str) else None


@cache
def published_shapes() -> dict[str, dict[str, object]]:
    """Hub id -> the values of its `config.json` that decide its shape, and `source`."""
    content: dict[str, dict[str, object]] = read_yaml(PUBLISHED)
    return content


def _found(config: ModelConfig, path: str, source: str, rows: int) -> FoundShape:
    import torch
    from transformers import AutoModelForCausalLM

    part = find_text_part(config, path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(part.config, trust_remote_code=False)
    if model.get_input_embeddings().weight.shape[0] < rows:
        model.resize_token_embeddings(rows, mean_resizing=False)
    context = getattr(part.config, "max_position_embeddings", None)
    return FoundShape(shape_of(model), context, _linear_features(model), source)


def _linear_features(model: CausalLanguageModel) -> int:
    from torch import nn
    from transformers.pytorch_utils import Conv1D  # GPT-2's linear layers

    layers = (m for m in model.modules() if isinstance(m, nn.Linear | Conv1D) and m is not model.get_output_embeddings())
    return sum(sum(layer.weight.shape) for layer in layers)
