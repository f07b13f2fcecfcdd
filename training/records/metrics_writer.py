"""Where a run reports each step and event: `metrics.jsonl` and `events.jsonl`, TensorBoard, Weights & Biases, the console."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.config import TrainSettings
from training.records.run_logs import EVENTS, METRICS, log_line
from training.records.wandb_reporting import WandbRun, start_wandb

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class MetricsWriter:
    """Reports of a run. Every rank has one; only the one made with `write=True` (rank 0) opens files and prints."""

    def __init__(self, settings: TrainSettings, console: Console, write: bool, finished: int = 0) -> None:
        """`finished` is the number of steps that the run had made when it was resumed."""
        self._console, self._steps, self._every, self._finished = console, settings.steps, settings.log.every, finished
        self._metrics = (settings.output_dir / METRICS).open("a", encoding="utf-8") if write else None
        self._events = (settings.output_dir / EVENTS).open("a", encoding="utf-8") if write else None
        self._board: SummaryWriter | None = None
        self._wandb: WandbRun | None = None
        if write and settings.log.tensorboard:
            from torch.utils import tensorboard

            self._board = tensorboard.SummaryWriter(str(settings.output_dir / "tensorboard"), purge_step=finished + 1)
        if write and settings.log.wandb is not None:
            self._wandb = start_wandb(settings)
        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        self._progress = Progress(*columns, TimeElapsedColumn(), TextColumn("eta"), TimeRemainingColumn(), console=console)
        self._task = self._progress.add_task("", total=settings.steps, completed=finished)
        self._began = time.monotonic()

    def __enter__(self) -> "MetricsWriter":
        if self._metrics is not None and self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress.live.is_started:
            self._progress.stop()
        for file in (self._metrics, self._events, self._board):
            if file is not None:
                file.close()
        if self._wandb is not None:
            self._wandb.finish(exit_code=0 if kind is None else 1)

    def write_step(self, metrics: dict[str, Any]) -> None:
        """Append the line of a step (`step` counts from 1), send its scalars, and print it."""
        if self._metrics is None:
            return
        self._metrics.write(log_line(metrics))
        self._metrics.flush()
        step = metrics["step"]
        self._send_scalars(step, metrics)
        text = f"loss {metrics['loss']:.3f}  lr {metrics['learning_rate']:.2e}  {metrics['tokens_per_second']:,.0f} tokens/s"
        if metrics.get("mfu") is not None:
            text += f"  mfu {metrics['mfu']:.1%}"
        if metrics.get("skipped") is not None:
            self.write_event(step, "skipped", {"reason": metrics["skipped"], "sequences": metrics["sequences"]})
        if self._console.is_terminal:
            self._progress.update(self._task, completed=step, description=text)
        elif step % self._every == 0 or step in (1, self._steps):
            elapsed = time.monotonic() - self._began
            eta = elapsed / (step - self._finished) * (self._steps - step)
            self._console.print(f"step {step}/{self._steps}  {text}  eta {eta:,.0f} s")

    def write_event(self, step: int, kind: str, values: dict[str, Any]) -> None:
        """Append an event that follows `step` steps, send its scalars, and print it."""
        if self._events is None:
            return
        self._events.write(log_line({"step": step, "event": kind, **values}))
        self._events.flush()
        if kind in ("held_out", "tasks"):
            self._send_scalars(step, {kind: values})
        # Above the progress bar on a terminal.
        style = "yellow" if kind in ("skipped", "tasks_failed") else None
        self._console.print(f"step {step}: {kind.replace('_', ' ')}: {_event_text(values)}", style=style)

    def _send_scalars(self, step: int, metrics: dict[str, Any]) -> None:
        scalars = dict(_named_scalars(metrics))
        if self._board is not None:
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(scalars, step=step)


def _event_text(values: dict[str, Any]) -> str:
    """The values of an event for the console: `loss jawiki 3.214, eswiki 2.987`."""
    parts = []
    for name, value in values.items():
        if isinstance(value, dict):
            parts.append(f"{name} " + ", ".join(f"{key} {number:.4g}" for key, number in value.items()))
        elif isinstance(value, list):
            parts.append(f"{name} {', '.join(map(str, value[:8]))}" + (f" and {len(value) - 8} more" if len(value) > 8 else ""))
        else:
            number = f"{value:.1f}" if isinstance(value, float) else f"{value}"
            parts.append(f"{name} {number}" if isinstance(value, int | float) else number)
    return "; ".join(parts)


def _named_scalars(metrics: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Numbers of nested metrics under names like `wikis/jawiki/tokens`."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _named_scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name != "step":
            yield prefix + name, value
