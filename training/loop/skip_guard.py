"""The rule by which a step is skipped, and a run stopped, because of an unusual loss or gradient. Pure.

A step is skipped (its update is not made; its sequences count as consumed) when its loss or its gradient norm

- is not finite, or
- exceeds, once `min_history` steps have been accepted, mean + `sigmas` x spread of the last `window` accepted ones.

The spread is the standard deviation, but at least 1 % of the mean: a loss that hardly moves may move a little. A run stops when
`stop_after` of its last `window` steps were skipped. (The rule of mean and sigmas is that of OLMo-core's SkipStepOptimizer, which
has neither the floor nor the stop.)

    >>> guard = SkipGuard(sigmas=6.0, window=128, min_history=2, stop_after=2)
    >>> guard.observe(1, 5.0, 1.0), guard.observe(2, 4.9, 1.1), guard.observe(3, 4.8, 9.0)
    (None, None, 'the gradient norm is 9, above 1.35 = mean 1.05 + 6 x 0.05 of 2 steps')
    >>> guard.observe(4, float("nan"), 1.0), guard.must_stop
    ('the loss is nan', True)

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


class SkipGuard:
    """Decides for each step whether it is skipped."""

    def __init__(self, sigmas: float, window: int, min_history: int, stop_after: int, seen: Iterable[Iterable[Any]] = ()) -> None:
        """`seen` is the `state` of an earlier guard."""
        self._sigmas, self._window, self._min_history, self._stop_after = sigmas, window, min_history, stop_after
        self._seen = [ObservedStep(step, float(loss), float(norm), skipped) for step, loss, norm, skipped in seen]

    @property
    def state(self) -> list[list[Any]]:
        """The steps in the window, for a checkpoint; numbers that are not finite are text, which JSON can hold."""
        return [[e.step, *(v if math.isfinite(v) else str(v) for v in (e.loss, e.norm)), e.skipped] for e in self._seen]

    @property
    def skipped(self) -> list[int]:
        """Steps in the window that were skipped."""
        return [entry.step for entry in self._seen if entry.skipped]

    @property
    def must_stop(self) -> bool:
        """Whether so many steps were skipped that the run must stop."""
        return len(self.skipped) >= self._stop_after

    def limit(self, name: str) -> float:
        """The largest `loss` or `norm` that is accepted; infinite before `min_history` steps."""
        return self._limit(name)[0]

    def observe(self, step: int, loss: float, norm: float) -> str | None:
        """Remember a step; returns the reason to skip it, or None."""
        reason = self._reason("loss", "loss", loss) or self._reason("norm", "gradient norm", norm)
        self._seen = [*self._seen, ObservedStep(step, loss, norm, reason is not None)][-self._window :]
        return reason

    def _reason(self, name: str, label: str, value: float) -> str | None:
        if not math.isfinite(value):
            return f"the {label} is {value}"
        limit, formula = self._limit(name)
        return f"the {label} is {value:.4g}, above {limit:.4g} = {formula}" if value > limit else None

    def _limit(self, name: str) -> tuple[float, str]:
        accepted = [float(getattr(entry, name)) for entry in self._seen if not entry.skipped]
        if len(accepted) < self._min_history:
            return math.inf, ""
        mean = statistics.fmean(accepted)
        spread = max(statistics.pstdev(accepted), abs(mean) / 100)
        return mean + self._sigmas * spread, f"mean {mean:.4g} + {self._sigmas:g} x {spread:.4g} of {len(accepted)} steps"


def make_guard(settings: GuardSettings, seen: Iterable[Iterable[Any]] = ()) -> SkipGuard:
    """The guard of a run, with the state of its checkpoint."""
    return SkipGuard(**settings.model_dump(), seen=seen)
