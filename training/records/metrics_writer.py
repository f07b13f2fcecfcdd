"""Where a run reports: `metrics.jsonl` and `events.jsonl` always, TensorBoard unless switched off, W&B when asked, the console.

A line of `metrics.jsonl` is a step. A line of `events.jsonl` is something that happened after a step: `skipped`, `checkpoint`,
`held_out`, `tasks`, `tasks_failed`, `resumed`. What is no finite number, such as the loss of some skipped steps, is null, since
JSON has no NaN and strict readers refuse it.
"""

import hashlib
import importlib.util
import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings

METRICS, EVENTS = "metrics.jsonl", "events.jsonl"


class MetricsWriter:
    """Reports of a run. Every rank has one; only the one made with `write=True` (rank 0) opens files and talks."""

    def __init__(self, settings: TrainSettings, console: Console, write: bool, finished: int = 0) -> None:
        """`finished` steps were made before, by the run that this one goes on from."""
        self._console, self._steps, self._every, self._finished = console, settings.steps, settings.log.every, finished
        self._file = (settings.output_dir / METRICS).open("a", encoding="utf-8") if write else None
        self._events = (settings.output_dir / EVENTS).open("a", encoding="utf-8") if write else None
        self._board: Any = None
        self._wandb: Any = None
        if write and settings.log.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(settings.output_dir / "tensorboard"), purge_step=finished + 1)
        if write and settings.log.wandb is not None:
            self._wandb = start_wandb(settings)
        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        self._progress = Progress(*columns, TimeElapsedColumn(), TextColumn("eta"), TimeRemainingColumn(), console=console)
        self._task = self._progress.add_task("", total=settings.steps, completed=finished)
        self._began = time.monotonic()

    def __enter__(self) -> "MetricsWriter":
        if self._file is not None and self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress.live.is_started:
            self._progress.stop()
        for file in (self._file, self._events, self._board):
            if file is not None:
                file.close()
        if self._wandb is not None:
            self._wandb.finish(exit_code=0 if kind is None else 1)

    def write(self, metrics: dict[str, Any]) -> None:
        """Append one step's line (`step` counts from 1), its scalars to TensorBoard, and tell the console."""
        if self._file is None:
            return
        self._file.write(_line(metrics))
        self._file.flush()
        step = metrics["step"]
        self._scalars(step, metrics)
        text = f"loss {metrics['loss']:.3f}  lr {metrics['learning_rate']:.2e}  {metrics['tokens_per_second']:,.0f} tokens/s"
        if metrics.get("mfu") is not None:
            text += f"  mfu {metrics['mfu']:.1%}"
        if metrics.get("skipped") is not None:
            self.event(step, "skipped", {"reason": metrics["skipped"], "sequences": metrics["sequences"]})
        if self._console.is_terminal:
            self._progress.update(self._task, completed=step, description=text)
        elif step % self._every == 0 or step in (1, self._steps):
            elapsed = time.monotonic() - self._began
            eta = elapsed / (step - self._finished) * (self._steps - step)
            self._console.print(f"step {step}/{self._steps}  {text}  eta {eta:,.0f} s")

    def event(self, step: int, kind: str, what: dict[str, Any]) -> None:
        """Append what happened after `step` steps, its scalars to TensorBoard, and tell the console."""
        if self._events is None:
            return
        self._events.write(_line({"step": step, "event": kind, **what}))
        self._events.flush()
        if kind in ("held_out", "tasks"):
            self._scalars(step, {kind: what})
        # Above the progress bar on a terminal.
        style = "yellow" if kind in ("skipped", "tasks_failed") else None
        self._console.print(f"step {step}: {kind.replace('_', ' ')}: {_in_words(what)}", style=style)

    def _scalars(self, step: int, metrics: dict[str, Any]) -> None:
        found = _scalars(metrics)
        if self._board is not None:
            for name, value in found:
                self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(found), step=step)


def check_wandb(project: str | None) -> None:
    """Refuse `log.wandb` where its package is missing; None asks for nothing.

    Raises:
        ConfigurationError: with the remedies.
    """
    if project is not None and importlib.util.find_spec("wandb") is None:
        raise ConfigurationError(
            f"log.wandb: {project!r} needs the package wandb, which is not installed: pip install 'leia-at-scale[wandb]', or "
            "leave log.wandb out; metrics.jsonl, TensorBoard and run.html need nothing"
        )


def start_wandb(settings: TrainSettings) -> Any:
    """A run of Weights & Biases; the same one again after a resume, known by its folder.

    Raises:
        ConfigurationError: when it cannot be started, because nobody is logged in or the project may not be written to.
    """
    import wandb  # type: ignore[import-not-found,unused-ignore]

    name = hashlib.sha256(str(settings.output_dir.resolve()).encode()).hexdigest()[:16]
    try:
        return wandb.init(
            project=settings.log.wandb,
            id=name,
            resume="allow",
            dir=settings.output_dir,
            name=settings.output_dir.name,
            config=settings.model_dump(mode="json"),
        )
    except wandb.errors.Error as error:
        raise ConfigurationError(
            f"log.wandb: a run of project {settings.log.wandb!r} cannot be started: {str(error).rstrip('.')}. Log in with "
            "`wandb login` or give the key as WANDB_API_KEY; or keep the run on this machine with WANDB_MODE=offline, and send "
            "it later with `wandb sync`"
        ) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics or events file; none where there is no file. A last line that a kill cut short is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def cut_back(path: Path, step: int) -> None:
    """Drop the lines of later steps than `step`, which a run that goes on from there will write again."""
    kept = [_line(line) for line in read_lines(path) if line["step"] <= step]
    write_text_atomically(path, "".join(kept))


def _line(values: dict[str, Any]) -> str:
    r"""Values as a line of JSON.

    >>> _line({"step": 1, "loss": float("nan"), "skipped": "the loss is nan"})
    '{"step":1,"loss":null,"skipped":"the loss is nan"}\n'
    """
    return to_json(values, inf_nan_mode="null").decode() + "\n"


def _in_words(what: dict[str, Any]) -> str:
    """The values of an event for the console: `loss: jawiki 3.214, eswiki 2.987`."""
    parts = []
    for name, value in what.items():
        if isinstance(value, dict):
            parts.append(f"{name} " + ", ".join(f"{key} {number:.4g}" for key, number in value.items()))
        elif isinstance(value, list):
            parts.append(f"{name} {', '.join(map(str, value[:8]))}" + (f" and {len(value) - 8} more" if len(value) > 8 else ""))
        else:
            number = f"{value:.1f}" if isinstance(value, float) else f"{value}"
            parts.append(f"{name} {number}" if isinstance(value, int | float) else number)
    return "; ".join(parts)


def _scalars(metrics: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Numbers of nested metrics under names like `wikis/jawiki/tokens`."""
    found: list[tuple[str, float]] = []
    for name, value in metrics.items():
        if isinstance(value, dict):
            found += _scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name != "step":
            found.append((prefix + name, value))
    return found
