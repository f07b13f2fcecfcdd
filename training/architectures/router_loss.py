"""The auxiliary loss of a mixture of experts: it keeps the router from sending most tokens to a few experts.

    loss of a step = mean over predicted tokens of -log p  +  weight x mean over sequences of E x sum over experts i of f_i P_i

with E experts, f_i the share of the sequence's tokens that choose expert i, and P_i its mean probability by the router, both over
all layers together. These are equations 4 to 6 of the Switch Transformer (Fedus et al. 2021, arXiv 2101.03961) as
transformers computes them (`load_balancing_loss_func`). The weight is the configuration's `router_aux_loss_coef`.

transformers computes the loss over a micro-batch, so it would change with `micro_batch_size`. Here each sequence has its own,
which is the same for a micro-batch of one: it depends neither on the size of micro-batches nor on the number of ranks.

The router's scores are recorded by hooks, not by `output_router_logits`, with which transformers' forward pass refuses masks of
documents.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from spark_jobs.common.errors import ConfigurationError
from training.architectures.experts import ExpertNumbers, expert_numbers
from training.model.protocols import CausalLanguageModel, ModelConfig

if TYPE_CHECKING:
    import torch

_WEIGHTS = ("router_aux_loss_coef", "aux_loss_coef")
_WITHOUT_LOSS = "model.router_loss=0 trains it without this loss"


class RouterRecord(NamedTuple):
    """Where transformers finds the scores of an architecture's routers, and its loss over them."""

    router: type
    place: int
    """Index of the scores in the router's output."""
    loss: Callable[..., "torch.Tensor"]


class RouterLoss:
    """The auxiliary loss of one model."""

    def __init__(self, model: CausalLanguageModel, record: RouterRecord, numbers: ExpertNumbers, weight: float) -> None:
        self.weight = weight
        self._record, self._numbers = record, numbers
        self._scores: list[torch.Tensor] = []
        self._recording = False
        for module in model.modules():
            if isinstance(module, record.router):
                module.register_forward_hook(self._keep)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Inside the block the scores of a forward pass are kept for `summed`."""
        self._scores.clear()
        self._recording = True
        try:
            yield
        finally:
            self._recording = False  # the backward pass may compute layers again

    def summed(self, sequences: int) -> "torch.Tensor":
        """The sum of the losses of the recorded sequences, without `weight`."""
        import torch

        layers = [scores.reshape(sequences, -1, scores.shape[-1]) for scores in self._scores]
        self._scores.clear()
        own = [
            self._record.loss(tuple(layer[number] for layer in layers), layers[0].shape[-1], self._numbers.used)
            for number in range(sequences)
        ]
        return torch.stack(own).sum()

    def _keep(self, _module: object, _inputs: object, output: Any) -> None:
        if self._recording:
            self._scores.append(output[self._record.place])


def make_router_loss(model: CausalLanguageModel, weight: float | None) -> RouterLoss | None:
    """The auxiliary loss of a model; None for a dense one, and for a weight of 0. `weight` is `model.router_loss`.

    Raises:
        ConfigurationError: see `check_router_loss`.
    """
    record = check_router_loss(model.config, type(model), weight)
    if record is None or not any(isinstance(module, record.router) for module in model.modules()):
        return None
    numbers = expert_numbers(model.config)
    assert numbers is not None
    return RouterLoss(model, record, numbers, router_loss_weight(model.config, weight))


def router_loss_weight(config: ModelConfig, weight: float | None) -> float:
    """`model.router_loss`, or else the weight in the model's configuration; 0 without one.

    >>> from transformers import MixtralConfig
    >>> [router_loss_weight(MixtralConfig(router_aux_loss_coef=0.02), weight) for weight in (None, 0.1)]
    [0.02, 0.1]
    """
    if weight is not None:
        return weight
    text = config.get_text_config()
    return next((float(found) for name in _WEIGHTS if (found := getattr(text, name, None)) is not None), 0.0)


def check_router_loss(config: ModelConfig, model_class: type, weight: float | None) -> RouterRecord | None:
    """How to compute the auxiliary loss of an architecture; None where there is nothing to compute. Needs no weights.

    Raises:
        ConfigurationError: for a weight above 0 where the model has no experts, or transformers has no loss for its routers.
    """
    if expert_numbers(config) is None:
        if weight:
            raise ConfigurationError(
                f"model.router_loss: {weight:g}, but {config.model_type} has no experts to balance; leave it out"
            )
        return None
    if (used := router_loss_weight(config, weight)) == 0:
        return None
    recorder: Any = (getattr(model_class, "_can_record_outputs", None) or {}).get("router_logits")
    loss = getattr(sys.modules[model_class.__module__], "load_balancing_loss_func", None)
    if loss is None or not hasattr(recorder, "target_class"):
        raise ConfigurationError(
            f"model.path: the configuration of {config.model_type} asks for a router's auxiliary loss of weight {used:g}, and "
            f"transformers computes none for this architecture; {_WITHOUT_LOSS}"
        )
    return RouterRecord(recorder.target_class, recorder.index, loss)
