"""When a step is skipped, and when a run is ended, because its loss or its gradient leaves what was usual. Pure.

A step is skipped (its update is not made; its sequences count as consumed) when its loss or its gradient norm

- is not a finite number, or
- exceeds, once `min_history` steps have been accepted, mean + `sigmas` x spread of the last `window` accepted ones.

The spread is the standard deviation, but at least a hundredth of the mean, so that a loss that hardly moves is not called a spike
for moving a little. A run ends when `stop_after` of its last `window` steps were skipped. (Rule of mean and sigmas: the
SkipStepOptimizer of OLMo-core, which knows no floor and no end.)

    >>> guard = Guard(sigmas=6.0, window=128, min_history=2, stop_after=2)
    >>> guard.judge(1, 5.0, 1.0), guard.judge(2, 4.9, 1.1), guard.judge(3, 4.8, 9.0)
    (None, None, 'the gradient norm is 9, above 1.35 = mean 1.05 + 6 x 0.05 of 2 steps')
    >>> guard.judge(4, float("nan"), 1.0), guard.exhausted
    ('the loss is nan', True)

State is what was seen in the window: a checkpoint holds it, and a resumed run judges as if it had not been stopped.
"""

import math
import statistics
from collections.abc import Iterable
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """A step as the guard remembers it."""

    step: int
    loss: float
    norm: float
    skipped: bool


class Guard:
    """Judges step after step."""

    def __init__(self, sigmas: float, window: int, min_history: int, stop_after: int, seen: Iterable[Iterable[Any]] = ()) -> None:
        """`seen` is the `state` of another one."""
        self._sigmas, self._window, self._min_history, self._stop_after = sigmas, window, min_history, stop_after
        self._seen = [Seen(step, float(loss), float(norm), skipped) for step, loss, norm, skipped in seen]

    @property
    def state(self) -> list[list[Any]]:
        """What a checkpoint keeps; numbers that are not finite are kept as text, which JSON can hold."""
        return [[e.step, *(v if math.isfinite(v) else str(v) for v in (e.loss, e.norm)), e.skipped] for e in self._seen]

    @property
    def skipped(self) -> list[int]:
        """Steps in the window that were skipped."""
        return [entry.step for entry in self._seen if entry.skipped]

    @property
    def exhausted(self) -> bool:
        """Whether so many steps were skipped that the run should end."""
        return len(self.skipped) >= self._stop_after

    def limit(self, name: str) -> float:
        """What a finite `loss` or `norm` may be at most; infinite as long as too little was seen."""
        return self._limit(name)[0]

    def judge(self, step: int, loss: float, norm: float) -> str | None:
        """Remember a step; the reason to skip it, or None."""
        reason = self._reason("loss", "loss", loss) or self._reason("norm", "gradient norm", norm)
        self._seen = [*self._seen, Seen(step, loss, norm, reason is not None)][-self._window :]
        return reason

    def _reason(self, name: str, called: str, value: float) -> str | None:
        if not math.isfinite(value):
            return f"the {called} is {value}"
        limit, explained = self._limit(name)
        return f"the {called} is {value:.4g}, above {limit:.4g} = {explained}" if value > limit else None

    def _limit(self, name: str) -> tuple[float, str]:
        accepted = [float(getattr(entry, name)) for entry in self._seen if not entry.skipped]
        if len(accepted) < self._min_history:
            return math.inf, ""
        mean = statistics.fmean(accepted)
        spread = max(statistics.pstdev(accepted), abs(mean) / 100)
        return mean + self._sigmas * spread, f"mean {mean:.4g} + {self._sigmas:g} x {spread:.4g} of {len(accepted)} steps"
