"""torch.profiler over the steps of `log.profile`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class StepProfiler:
    """Records a range of steps; call `step_finished` after each step, and once before the first."""

    def __init__(self, steps: tuple[int, int] | None, folder: Path, rank: int) -> None:
        self._steps, self._folder, self._rank = steps, folder, rank
        self._running: torch.profiler.profile | None = None

    def step_finished(self, finished: int, last: bool) -> None:
        """Start before the first step of the range; write the trace after the last one, or after the `last` of the run."""
        if self._steps is None:
            return
        import torch

        if self._running is not None and (finished >= self._steps[1] or last):
            self._running.stop()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._running.export_chrome_trace(str(self._folder / f"rank{self._rank}.json.gz"))
            self._running = None
        if finished + 1 == self._steps[0] and not last:
            self._running = torch.profiler.profile(record_shapes=True, profile_memory=True)
            self._running.start()
