"""Where a run reports: `metrics.jsonl` always, TensorBoard unless switched off, and the console with progress."""

import json
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.config import TrainSettings


class MetricsWriter:
    """Reports of a run. Every rank has one; only the one made with `write=True` (rank 0) opens files and talks."""

    def __init__(self, settings: TrainSettings, console: Console, write: bool) -> None:
        self._console, self._steps, self._every = console, settings.steps, settings.log.every
        self._file = (settings.output_dir / "metrics.jsonl").open("a", encoding="utf-8") if write else None
        self._board: Any = None
        if write and settings.log.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(settings.output_dir / "tensorboard"))
        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        self._progress = Progress(*columns, TimeElapsedColumn(), TextColumn("eta"), TimeRemainingColumn(), console=console)
        self._task = self._progress.add_task("", total=settings.steps)
        self._began = time.monotonic()

    def __enter__(self) -> "MetricsWriter":
        if self._file is not None and self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress.live.is_started:
            self._progress.stop()
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def write(self, metrics: dict[str, Any]) -> None:
        """Append one step's line (`step` counts from 1), its scalars to TensorBoard, and tell the console."""
        if self._file is None:
            return
        self._file.write(json.dumps(metrics) + "\n")
        self._file.flush()
        step = metrics["step"]
        if self._board is not None:
            for name, value in _scalars(metrics):
                self._board.add_scalar(name, value, step)
        text = f"loss {metrics['loss']:.3f}  lr {metrics['learning_rate']:.2e}  {metrics['tokens_per_second']:,.0f} tokens/s"
        if self._console.is_terminal:
            self._progress.update(self._task, completed=step, description=text)
        elif step % self._every == 0 or step in (1, self._steps):
            elapsed = time.monotonic() - self._began
            eta = elapsed / step * (self._steps - step)
            self._console.print(f"step {step}/{self._steps}  {text}  eta {eta:,.0f} s")


def _scalars(metrics: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Numbers of nested metrics under names like `wikis/jawiki/tokens`."""
    found: list[tuple[str, float]] = []
    for name, value in metrics.items():
        if isinstance(value, dict):
            found += _scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name != "step":
            found.append((prefix + name, value))
    return found
