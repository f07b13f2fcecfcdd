"""Progress of Spark jobs on the driver's console: bars in a terminal, a line every few seconds elsewhere."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from pyspark import SparkContext
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spark_jobs.common.console import console

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0
_STARVED_SECONDS = 60.0
_JOB_GROUP, _JOB_DESCRIPTION = "spark.jobGroup.id", "spark.job.description"


class ManyWikis:
    """The progress of wikis that are worked on at the same time: how many are done, and a bar for each that is under way."""

    def __init__(self, total: int) -> None:
        self.bars = _bars("")
        self._total, self._done, self._failed = total, 0, 0
        self._lock = threading.Lock()
        self._last_line = time.monotonic()
        self._all = self.bars.add_task("all wikis", total=total, unit="wikis")

    def tell(self, line: str, failed: bool) -> None:
        """A wiki is done, or has failed; `line` says what there is to say of it."""
        with self._lock:
            self._done, self._failed = self._done + 1, self._failed + failed
            self.bars.update(self._all, completed=self._done)
            style = "red" if failed else None
            console.print(f"  {self._done}/{self._total}  {line}", style=style, highlight=False, markup=False, soft_wrap=True)
            self._last_line = time.monotonic()

    def tell_tasks(self, what: str, done: int, total: int) -> None:
        """Say what goes on, where there are no bars and nothing was said for a while."""
        with self._lock:
            if not console.is_terminal and time.monotonic() - self._last_line >= _LINE_SECONDS:
                self._last_line = time.monotonic()
                so_far = f"{self._done} of {self._total} wikis are done, {self._failed} of them failed"
                console.print(f"  {so_far}; {what}: {done} of {total} tasks", highlight=False)


_many: ManyWikis | None = None


@contextmanager
def many_wikis(total: int) -> Iterator[ManyWikis]:
    """Show the progress of `total` wikis while the body works on several at a time, in threads of its own."""
    global _many  # noqa: PLW0603  # as there is one console
    _many = ManyWikis(total)
    try:
        with _many.bars:
            yield _many
    finally:
        _many = None


@contextmanager
def show_progress(context: SparkContext, what: str) -> Iterator[None]:
    """Show the tasks of the Spark jobs that the body starts; `what` stands before the bar, and names the jobs in Spark's page."""
    started = time.monotonic()
    group = f"{what} {uuid.uuid4().hex}"
    context.setJobGroup(group, what)
    many, bars = _many, _bars("  ") if _many is None else _many.bars
    stop = threading.Event()
    with bars if many is None else nullcontext():
        watcher = threading.Thread(target=_watch, args=(context, group, bars, what, stop), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
            for name in (_JOB_GROUP, _JOB_DESCRIPTION):
                context.setLocalProperty(name, None)  # type: ignore[arg-type]  # takes it away
    if many is None:
        console.print(f"  {what}: {time.monotonic() - started:.1f} s", highlight=False)


def _bars(indent: str) -> Progress:
    return Progress(
        TextColumn(indent + "{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip


class Starvation:
    """Notices that tasks wait and none runs: Spark says so in a warning of its log, which is not shown."""

    def __init__(self, now: float) -> None:
        self._since = now

    def lasts(self, now: float, waiting: bool, running: int) -> bool:
        """Whether it has gone on for a minute: `waiting` as long as a stage has tasks, `running` tasks of all stages."""
        if running or not waiting:
            self._since = now
        return now - self._since >= _STARVED_SECONDS


_starvation_told = threading.Event()
"""Once in a run, whichever of its wikis notices it."""


def _tell_starvation(context: SparkContext) -> None:
    if _starvation_told.is_set():
        return
    _starvation_told.set()
    names = ("spark.executor.cores", "spark.executor.memory")
    wanted = ", ".join(f"{name}={value}" for name in names if (value := context.getConf().get(name)) is not None)
    console.print(
        f"  warning: tasks wait, and none has run for a minute. If executors are not just starting, no worker has room for one "
        f"({wanted or 'of the default size'}): give smaller ones to spark-submit, --conf spark.executor.cores=1",
        style="yellow", highlight=False, soft_wrap=True,
    )  # fmt: skip


def _watch(context: SparkContext, group: str, bars: Progress, what: str, stop: threading.Event) -> None:
    bar = bars.add_task(what, total=None, unit="tasks")
    last_line = time.monotonic()
    starvation = Starvation(last_line)
    try:
        while not stop.wait(_POLL_SECONDS):
            done, total = _tasks(context, group)
            if starvation.lasts(time.monotonic(), total > 0, _running(context)):
                _tell_starvation(context)
            if not total:
                continue
            bars.update(bar, total=total, completed=done)
            if _many is not None:
                _many.tell_tasks(what, done, total)
            elif not console.is_terminal and time.monotonic() - last_line >= _LINE_SECONDS:
                last_line = time.monotonic()
                console.print(f"  {what}: {done} of {total} tasks done", highlight=False)
    finally:
        bars.remove_task(bar)


def _tasks(context: SparkContext, group: str) -> tuple[int, int]:
    """How many tasks of the group's running stages are done, and how many there are."""
    tracker = context.statusTracker()
    running = set(tracker.getActiveStageIds())
    jobs = [info for job in tracker.getJobIdsForGroup(group) if (info := tracker.getJobInfo(job)) is not None]
    ids = {stage for job in jobs for stage in job.stageIds} & running
    stages = [found for stage in sorted(ids) if (found := tracker.getStageInfo(stage)) is not None]
    return sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)


def _running(context: SparkContext) -> int:
    """How many tasks run now, of any group."""
    tracker = context.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return sum(stage.numActiveTasks for stage in stages if stage is not None)
