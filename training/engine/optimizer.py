"""AdamW that can refuse a step, and its parameter groups."""

from collections.abc import Callable

import torch
from torch.optim import AdamW

from training.config import OptimizerSettings
from training.model.protocols import CausalLanguageModel
from training.model.zero3_parameters import whole_shape


class GatedAdamW(AdamW):
    """Torch's AdamW behind a gate: a step that the gate refuses changes neither parameters nor moments.

    DeepSpeed calls `step` after it has computed the gradient norm, once for each partition of the parameters, so this is the only
    place where an update can be refused under every ZeRO stage. The gate must answer the same for all partitions and on all
    ranks.
    """

    gate: Callable[[], bool] | None = None

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """AdamW's step, or nothing where `gate` returns False."""
        if self.gate is None or self.gate():
            loss: float | None = super().step(closure)
            return loss
        for group in self.param_groups:
            for parameter in group["params"]:
                # DeepSpeed links the moments after the first call, so they must exist even if that step was refused.
                if parameter.grad is not None and not self.state[parameter]:
                    zeros = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
                    self.state[parameter] |= {"step": torch.zeros(()), **zeros}
        return None


def build_optimizer(settings: OptimizerSettings, model: CausalLanguageModel) -> GatedAdamW:
    """AdamW over two groups: matrices decay, vectors (biases, norms) do not.

    Torch's AdamW needs no compilation, on CPU or GPU; DeepSpeed shards its states like those of any other optimizer.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if len(whole_shape(parameter)) > 1]
    vectors = [parameter for parameter in trained if len(whole_shape(parameter)) <= 1]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return GatedAdamW([g for g in groups if g["params"]], lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon)
