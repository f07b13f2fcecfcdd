"""AdamW that can be kept from making a step."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW


class GatedAdamW(AdamW):
    """Torch's AdamW behind a gate: a step that the gate refuses changes neither parameters nor moments.

    DeepSpeed calls `step` when it has formed the gradient norm, once for each part that it has dealt out, so this is the one
    place where an update can be refused under every ZeRO stage. The gate must answer the same for all parts and on all ranks.
    """

    gate: Callable[[], bool] | None = None

    def step(self, closure: Any = None) -> Any:
        """AdamW's step, or nothing where `gate` says False."""
        if self.gate is None or self.gate():
            return super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                # DeepSpeed links the moments after the first call, so they must exist even where that was refused.
                if parameter.grad is not None and not self.state[parameter]:
                    zeros = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
                    self.state[parameter] |= {"step": torch.zeros(()), **zeros}
        return None
