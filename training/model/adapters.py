"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) inside a model, and the plain weights that result from merging them.

A layer with weight W computes W x + scale * B (A x) with scale = alpha / rank; A begins random and B at zero, so the model begins
unchanged. Only A and B are trained. peft inserts them; this module decides which layers get them and computes their sum.
"""

from typing import Any, NamedTuple

import torch

from training.config import LoraSettings
from training.model.protocols import CausalLanguageModel
from training.model.zero3_parameters import whole_shape

_NAME = "default"
"""peft's name of the one adapter."""


class Adapter(NamedTuple):
    """The term that is added to the weight of one layer: scale * up @ down."""

    down: torch.nn.Parameter
    """A, [rank, inputs]."""
    up: torch.nn.Parameter
    """B, [outputs, rank]."""
    scale: float
    transposed: bool
    """Whether the layer's weight is [inputs, outputs], as in GPT-2."""


class PlainWeight(NamedTuple):
    """A tensor of the plain model: the tensor of the trained one in its place, and the adapter to add."""

    place: torch.Tensor
    """Parameter or buffer."""
    adapter: Adapter | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole tensor, which ZeRO-3 may have partitioned."""
        return whole_shape(self.place)

    @property
    def dtype(self) -> torch.dtype:
        """As it is stored."""
        return self.place.dtype

    @property
    def parts(self) -> list[torch.Tensor]:
        """The tensors that must be gathered before `value` can be read."""
        return [self.place] if self.adapter is None else [self.place, self.adapter.down, self.adapter.up]

    def value(self) -> torch.Tensor:
        """A copy on the CPU, the adapter merged in: summed in fp32 and rounded once."""
        tensor = self.place.detach()
        if self.adapter is not None:
            added = self.adapter.scale * (self.adapter.up.detach().float() @ self.adapter.down.detach().float())
            tensor = (tensor.float() + (added.T if self.adapter.transposed else added)).to(self.dtype)
        return tensor.to("cpu", copy=True).contiguous()


class _Layers(torch.nn.Module):
    """A model without its configuration: peft would wrap the fused experts of some architectures, whatever layers are named."""

    def __init__(self, model: CausalLanguageModel) -> None:
        super().__init__()
        self.model = model


def add_adapters(model: CausalLanguageModel, settings: LoraSettings, seed: int) -> CausalLanguageModel:
    """The model with adapters on every linear layer but the output matrix, all other weights frozen; it keeps its class.

    A layer that is frozen already, because it gets no gradient, has none.

    Adapters have the dtype of their layer and begin the same on all ranks, whatever random numbers were drawn before. Under
    ZeRO-3 DeepSpeed partitions them when it wraps the model. Experts that an architecture keeps in one fused tensor are not
    linear layers and stay frozen.
    """
    from peft import LoraConfig, inject_adapter_in_model
    from transformers.pytorch_utils import Conv1D  # GPT-2's linear layers

    layers = _Layers(model)
    output = model.get_output_embeddings()
    linear = [
        name
        for name, layer in layers.named_modules()
        if isinstance(layer, torch.nn.Linear | Conv1D) and layer is not output and layer.weight.requires_grad
    ]
    torch.manual_seed(seed)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # peft divides it by the rank and needs no integer
        lora_dropout=settings.dropout,
        target_modules=linear,
        bias="none",
        task_type="CAUSAL_LM",
    )
    inject_adapter_in_model(config, layers, _NAME)
    return model


def plain_weights(model: CausalLanguageModel) -> dict[str, PlainWeight]:
    """Name -> weight of the model without adapters, in the order of its state; a tied one under each of its names."""
    found = {}
    for name, place in model.state_dict(keep_vars=True).items():
        if ".lora_" in name:
            continue
        path, inside, parameter = name.partition(".base_layer.")
        adapter = _adapter(model.get_submodule(path)) if inside and parameter == "weight" else None
        found[f"{path}.{parameter}" if inside else name] = PlainWeight(place, adapter)
    return found


def _adapter(layer: Any) -> Adapter:
    """The adapter in one of peft's layers."""
    down, up = layer.lora_A[_NAME].weight, layer.lora_B[_NAME].weight
    return Adapter(down, up, float(layer.scaling[_NAME]), bool(getattr(layer, "fan_in_fan_out", False)))
