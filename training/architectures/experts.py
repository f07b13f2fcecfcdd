"""Experts: which parameters belong to them, and how many of them a token uses.

In a mixture of experts a router sends each token through a few of many feed-forward networks. All of them take memory, and have
gradients and optimizer states; only the chosen ones cost FLOPs and activations.

Architectures keep experts in one tensor whose first dimension counts them, in a list of modules, or flattened into one matrix.
Names and numbers come from the architecture's configuration, which every architecture spells in its own way.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from spark_jobs.common.errors import ConfigurationError
from training.model.protocols import CausalLanguageModel, ModelConfig
from training.model.zero3_parameters import count_parameters, whole_shape

if TYPE_CHECKING:
    import torch

_NUMBERS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
_CHOSEN = ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "moe_top_k", "top_k_experts")
_SECTION = "ffn_config"
"""The section of DBRX's configuration that has them."""
_MODULE = "experts"
"""The name of a module that holds experts. Shared experts, which every token uses, have other names."""
_SHARED = ("shared_expert", "shared_mlp")
"""In the names of shared experts."""


class ExpertNumbers(NamedTuple):
    """Experts of a layer, and those of them that a token uses."""

    total: int
    used: int


def expert_numbers(config: ModelConfig) -> ExpertNumbers | None:
    """The numbers that a configuration states; None where it states none.

    >>> from transformers import MixtralConfig
    >>> expert_numbers(MixtralConfig())
    ExpertNumbers(total=8, used=2)
    """
    text = config.get_text_config()
    places = [text, getattr(text, _SECTION, None)]
    total, used = (_first_number(places, names) for names in (_NUMBERS, _CHOSEN))
    return None if total is None or used is None else ExpertNumbers(total, min(used, total))


def _first_number(places: Iterable[object], names: tuple[str, ...]) -> int | None:
    found = (getattr(place, name, None) for place in places for name in names)
    return next((value for value in found if isinstance(value, int) and value > 0), None)


def expert_parameters(model: CausalLanguageModel) -> "dict[str, torch.nn.Parameter]":
    """The parameters of all routed experts, by name."""
    numbers = expert_numbers(model.config)
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if _MODULE in name.split(".") or (numbers is not None and _is_stacked(parameter, numbers.total))
    }


def _is_stacked(parameter: "torch.nn.Parameter", experts: int) -> bool:
    """Whether a parameter has one matrix for each expert."""
    shape = whole_shape(parameter)
    return len(shape) == 3 and shape[0] == experts > 1


def unused_parameters(model: CausalLanguageModel) -> int:
    """Parameters of experts that a token does not use: those of all but the chosen ones. 0 for a dense model.

    Raises:
        ConfigurationError: when a model has experts, and its configuration does not say how many a token uses.
    """
    parameters = expert_parameters(model)
    if not parameters:
        return 0
    numbers = expert_numbers(model.config)
    if numbers is None:
        raise ConfigurationError(
            f"model.path: {model.config.model_type} has experts ({next(iter(parameters))}), and its configuration does not say "
            f"how many of them a token uses; add one of {', '.join(_CHOSEN)} to its config.json"
        )
    whole = count_parameters(parameters.values())
    return whole - whole * numbers.used // numbers.total


def experts_per_token(model: CausalLanguageModel) -> int:
    """Experts that a token uses in a layer; 0 for a dense model."""
    numbers = expert_numbers(model.config)
    return numbers.used if numbers is not None and expert_parameters(model) else 0


def feed_forward_width(model: CausalLanguageModel, gated: bool) -> int:
    """Width of the feed-forward layers that a token goes through, chosen and shared experts together; the mean over layers.

    It follows from the parameters: a layer of width f has `2 h f`, with a gate `3 h f` (h: the width of the model).
    """
    config = model.config.get_text_config()
    dense: int = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    experts = expert_parameters(model)
    if not experts:
        return dense
    shared = [parameter for name, parameter in model.named_parameters() if any(part in name for part in _SHARED)]
    used = count_parameters(experts.values()) - unused_parameters(model) + count_parameters(shared)
    layers = len({name.partition(".layers.")[2].partition(".")[0] for name in experts})
    width = used / ((3 if gated else 2) * config.hidden_size)
    return round((width + (config.num_hidden_layers - layers) * dense) / config.num_hidden_layers)
