"""Parameters that the loss of tokens never reaches: they get no gradient, so training must not change them.

DeepSpeed keeps gradients in flat arrays, where a parameter without a gradient has zeros, and AdamW lets its weights decay. Such
parameters are frozen instead. Examples are the vision encoder of GIT, and the indexers of DeepSeek's sparse attention, which have
another loss.

They are found in the graph of a forward pass, on a model whose tensors have shapes and no values (torch's fake tensors). It takes
about a second, and the memory of no weight.
"""

import copy
import logging
from typing import TYPE_CHECKING

from training.model.protocols import CausalLanguageModel, ModelConfig

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)
_TOKENS = 8


def freeze_unreached(model: CausalLanguageModel, announce: bool) -> None:
    """Freeze the parameters that never get a gradient; `announce` logs them, or that they could not be found."""
    unreached = find_unreached(type(model), model.config)
    if unreached is None:
        if announce:
            _log.warning(
                "%s: the parameters that get a gradient could not be found from shapes alone, so all are trained; one without a "
                "gradient would only decay (optimizer.weight_decay)",
                model.config.model_type,
            )
        return
    frozen = [(name, parameter) for name, parameter in model.named_parameters() if name in unreached and parameter.requires_grad]
    for _, parameter in frozen:
        parameter.requires_grad_(False)
    if frozen and announce:
        more = f" and {len(frozen) - 3} more" if len(frozen) > 3 else ""
        names = ", ".join(name for name, _ in frozen[:3])
        _log.warning("%s: %s%s get no gradient from a text and are frozen", model.config.model_type, names, more)


def find_unreached(model_class: type, config: ModelConfig) -> frozenset[str] | None:
    """Names of the parameters that get no gradient from a text; None where the architecture computes with values, not shapes."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    plain = copy.deepcopy(config)
    plain._experts_implementation = "batched_mm"  # type: ignore[attr-defined]  # others need the values of the router
    plain._attn_implementation = "eager"  # type: ignore[attr-defined]  # needs neither a GPU nor a package
    try:
        with FakeTensorMode():
            twin: CausalLanguageModel = model_class(plain)
            twin.train()
            logits = twin(input_ids=torch.zeros((1, _TOKENS), dtype=torch.long), use_cache=False).logits
    except Exception:  # an architecture may do anything with values that do not exist
        return None
    reached = _leaves(logits)
    return frozenset(name for name, parameter in twin.named_parameters() if parameter not in reached)


def _leaves(tensor: "torch.Tensor") -> "set[torch.Tensor]":
    """The tensors that a result was computed from."""
    found: set[torch.Tensor] = set()
    seen = set()
    waiting = [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (leaf := getattr(node, "variable", None)) is not None:
            found.add(leaf)
        waiting += [following for following, _ in node.next_functions]
    return found
