"""The rule by which a step is skipped, and a run stopped, because of an unusual loss or gradient. Pure.

A step is skipped (its update is not made; its sequences count as consumed) when its loss or its gradient norm

- is not finite, or
- is a spike: above mean + `sigmas` x spread of the last `window` steps, once `min_history` of them are known.

The spread is the standard deviation, but at least 1 % of the mean: a loss that hardly moves may move a little. Spikes enter the
mean and the deviation of later steps, so a level that has risen for good is accepted after a few steps.

A run stops when the loss or the gradient norm of `stop_after` of its last `window` steps was not finite. Spikes do not count:
gradients are clipped to `optimizer.max_gradient_norm`, and gradient norms of healthy runs have a heavy tail.

The rule for spikes, its window, 6 sigmas and the history of half a window are those of OLMo-core's SkipStepOptimizer
(allenai/OLMo-core, src/olmo_core/optim/skip_step_optimizer.py). It has neither the floor nor the stop, and it also skips values
far below the mean. `tests/training/loop/guard_series/` has recorded series of healthy and diverging runs.

    >>> guard = SkipGuard(sigmas=6.0, window=128, min_history=2, stop_after=1)
    >>> guard.observe(1, 5.0, 1.0), guard.observe(2, 4.9, 1.1), guard.observe(3, 4.8, 9.0)
    (None, None, 'the gradient norm is 9, above 1.474 = mean 1.05 + 6 x 0.07071 of 2 steps')
    >>> guard.skipped, guard.must_stop
    ([3], False)
    >>> guard.observe(4, float("nan"), 1.0), guard.not_finite, guard.must_stop
    ('the loss is nan', [4], True)

The state is the steps in the window: a checkpoint holds it, so a resumed run decides as an uninterrupted one.
"""

import math
import statistics
from collections.abc import Iterable
from typing import Any, NamedTuple

from training.config import GuardSettings


class ObservedStep(NamedTuple):
    """A step as the guard remembers it."""

    step: int
    loss: float
    norm: float
    skipped: bool

    @property
    def is_finite(self) -> bool:
        """Whether its loss and its gradient norm are finite."""
        return math.isfinite(self.loss) and math.isfinite(self.norm)


class SkipGuard:
    """Decides for each step whether it is skipped."""

    def __init__(self, sigmas: float, window: int, min_history: int, stop_after: int, seen: Iterable[Iterable[Any]] = ()) -> None:
        """`seen` is the `state` of an earlier guard."""
        self._sigmas, self._window, self._min_history, self._stop_after = sigmas, window, min_history, stop_after
        self._seen = [ObservedStep(step, float(loss), float(norm), skipped) for step, loss, norm, skipped in seen]
        self._loss_limit = math.inf

    @property
    def state(self) -> list[list[Any]]:
        """The steps in the window, for a checkpoint; numbers that are not finite are text, which JSON can hold."""
        return [[e.step, *(v if math.isfinite(v) else str(v) for v in (e.loss, e.norm)), e.skipped] for e in self._seen]

    @property
    def skipped(self) -> list[int]:
        """Steps in the window that were skipped."""
        return [entry.step for entry in self._seen if entry.skipped]

    @property
    def not_finite(self) -> list[int]:
        """Steps in the window whose loss or gradient norm was not finite."""
        return [entry.step for entry in self._seen if not entry.is_finite]

    @property
    def must_stop(self) -> bool:
        """Whether so many steps were not finite that the run must stop."""
        return len(self.not_finite) >= self._stop_after

    @property
    def loss_limit(self) -> float:
        """The largest loss that the last step could have without being a spike; infinite before `min_history` steps."""
        return self._loss_limit

    def observe(self, step: int, loss: float, norm: float) -> str | None:
        """Remember a step; returns the reason to skip it, or None."""
        self._loss_limit = self._limit("loss")[0]
        reason = self._reason("loss", "loss", loss) or self._reason("norm", "gradient norm", norm)
        self._seen = [*self._seen, ObservedStep(step, loss, norm, reason is not None)][-self._window :]
        return reason

    def _reason(self, name: str, label: str, value: float) -> str | None:
        if not math.isfinite(value):
            return f"the {label} is {value}"
        limit, formula = self._limit(name)
        return f"the {label} is {value:.4g}, above {limit:.4g} = {formula}" if value > limit else None

    def _limit(self, name: str) -> tuple[float, str]:
        known = [float(getattr(entry, name)) for entry in self._seen if entry.is_finite]
        if len(known) < self._min_history:
            return math.inf, ""
        mean = statistics.fmean(known)
        spread = max(statistics.stdev(known), abs(mean) / 100)
        return mean + self._sigmas * spread, f"mean {mean:.4g} + {self._sigmas:g} x {spread:.4g} of {len(known)} steps"


def make_guard(settings: GuardSettings, seen: Iterable[Iterable[Any]] = ()) -> SkipGuard:
    """The guard of a run, with the state of its checkpoint."""
    return SkipGuard(**settings.model_dump(), seen=seen)
