"""torch.profiler over a range of steps, on demand."""

from pathlib import Path
from typing import Any


class Profile:
    """Records the steps of `log.profile`; `boundary` is told whenever a step is finished."""

    def __init__(self, steps: tuple[int, int] | None, folder: Path, rank: int) -> None:
        self._steps, self._folder, self._rank = steps, folder, rank
        self._running: Any = None

    def boundary(self, finished: int, last: bool) -> None:
        """`finished` steps are done; start before the first step of the range, and write the trace after its last one."""
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
