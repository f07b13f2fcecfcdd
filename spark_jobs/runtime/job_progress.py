"""Progress of Spark jobs on the driver's console: bars in a terminal, a line every few seconds elsewhere."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from pyspark import SparkContext
from rich.progress import Progress

from spark_jobs.common.console import console
from spark_jobs.runtime.starvation_watch import StarvationWatch, warn_of_starvation
from spark_jobs.runtime.wiki_progress import LINE_SECONDS, active_wiki_progress, make_bars

_POLL_SECONDS = 0.5
_JOB_GROUP, _JOB_DESCRIPTION = "spark.jobGroup.id", "spark.job.description"


@contextmanager
def show_progress(context: SparkContext, label: str) -> Iterator[None]:
    """Show the tasks of the Spark jobs that the body starts; `label` names them on the console and in Spark's web page."""
    started = time.monotonic()
    group = f"{label} {uuid.uuid4().hex}"
    context.setJobGroup(group, label)
    wikis = active_wiki_progress()
    bars = make_bars("  ") if wikis is None else wikis.bars
    stop = threading.Event()
    with bars if wikis is None else nullcontext():
        watcher = threading.Thread(target=_watch_jobs, args=(context, group, bars, label, stop), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
            for name in (_JOB_GROUP, _JOB_DESCRIPTION):
                context.setLocalProperty(name, None)  # type: ignore[arg-type]  # removes the property
    if wikis is None:
        console.print(f"  {label}: {time.monotonic() - started:.1f} s", highlight=False)


def _watch_jobs(context: SparkContext, group: str, bars: Progress, label: str, stop: threading.Event) -> None:
    bar = bars.add_task(label, total=None, unit="tasks")
    last_line = time.monotonic()
    starvation = StarvationWatch(last_line)
    try:
        while not stop.wait(_POLL_SECONDS):
            done, total = _count_tasks(context, group)
            if starvation.is_starved(time.monotonic(), total > 0, _count_running_tasks(context)):
                warn_of_starvation(context)
            if not total:
                continue
            bars.update(bar, total=total, completed=done)
            if (wikis := active_wiki_progress()) is not None:
                wikis.log_tasks(label, done, total)
            elif not console.is_terminal and time.monotonic() - last_line >= LINE_SECONDS:
                last_line = time.monotonic()
                console.print(f"  {label}: {done} of {total} tasks done", highlight=False)
    finally:
        bars.remove_task(bar)


def _count_tasks(context: SparkContext, group: str) -> tuple[int, int]:
    """Finished tasks and all tasks of the running stages of the job group."""
    tracker = context.statusTracker()
    running = set(tracker.getActiveStageIds())
    jobs = [info for job in tracker.getJobIdsForGroup(group) if (info := tracker.getJobInfo(job)) is not None]
    ids = {stage for job in jobs for stage in job.stageIds} & running
    stages = [found for stage in sorted(ids) if (found := tracker.getStageInfo(stage)) is not None]
    return sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)


def _count_running_tasks(context: SparkContext) -> int:
    """Running tasks of all job groups."""
    tracker = context.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return sum(stage.numActiveTasks for stage in stages if stage is not None)
