"""Progress of a Spark job on the driver's console: a bar in a terminal, a line every few seconds elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import SparkContext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0

console = Console(stderr=True)


@contextmanager
def show_progress(context: SparkContext, what: str) -> Iterator[None]:
    """Show the tasks of the Spark jobs that run while the body does; `what` stands before the bar."""
    started = time.monotonic()
    stop = threading.Event()
    bar = Progress(
        TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("tasks"), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=None)
        watcher = threading.Thread(target=_watch, args=(context, bar, task, what, stop), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
    console.print(f"  {what}: {time.monotonic() - started:.1f} s", highlight=False)


def _watch(context: SparkContext, bar: Progress, task: TaskID, what: str, stop: threading.Event) -> None:
    tracker = context.statusTracker()
    last_line = time.monotonic()
    while not stop.wait(_POLL_SECONDS):
        stages = [info for stage in tracker.getActiveStageIds() if (info := tracker.getStageInfo(stage)) is not None]
        total = sum(info.numTasks for info in stages)
        done = sum(info.numCompletedTasks for info in stages)
        if total:
            bar.update(task, total=total, completed=done)
        if total and not console.is_terminal and time.monotonic() - last_line >= _LINE_SECONDS:
            last_line = time.monotonic()
            console.print(f"  {what}: {done} of {total} tasks done", highlight=False)
