"""Run several jobs at a time, each in a separate process with one thread.

Starting Python with torch, transformers, DeepSpeed and lm-eval takes 15 to 25 seconds on a slow core, and an experiment has
dozens of jobs of a few minutes. So a server process imports these packages once, and every job is forked from it. On a GPU each
job starts a new Python, because CUDA does not work after a fork.
"""

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PRELOADED_MODULES = [
    *("torch", "transformers.models.llama.modeling_llama", "deepspeed", "peft", "lm_eval.tasks", "lm_eval.evaluator", "datasets"),
    *(
        "training.train",
        "training.model.model_loading",
        "training.engine.deepspeed_engine",
        "training.model.model_export",
        "eval.scoring.evaluation_run",
        "eval.scoring.language_model",
    ),
]
"""Modules that the server process imports. It ignores a name that it cannot import."""
POLL_SECONDS = 2.0
"""Seconds between two checks of the running jobs."""
REPORT_SECONDS = 60.0
"""Seconds between two lines of progress if the output is not a terminal."""

_CHILDREN = threading.Lock()
"""Held while a process is started or its exit code is read: to start one, `multiprocessing` polls all others, and an exit code
that two threads read at a time becomes 255 in one of them."""


class JobFailedError(RuntimeError):
    """A job failed; the message names its log and shows the last lines."""


@dataclass(frozen=True)
class Job:
    """A function to run in a process, and how much work it is."""

    name: str
    run: Callable[[Any], Any]
    """Called with `settings`. A result other than None and 0 means failure."""
    settings: Any
    log: Path
    """Receives the output of the process."""
    finished: Callable[[], bool]
    """Returns whether the result exists already."""
    size: float
    """Amount of work, in any unit that all jobs share."""
    progress: Callable[[], float] = lambda: 0.0
    """Returns the share of the work that is done, 0 to 1, while the job runs."""


@contextmanager
def environment(device: Literal["cpu", "cuda"]) -> Iterator[None]:
    """Sets the environment variables that jobs inherit: the device, one thread each, no network."""
    wanted = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    if device == "cpu":
        wanted |= {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_jobs(jobs: Sequence[Job], workers: int, device: Literal["cpu", "cuda"], console: Console) -> None:
    """Runs the jobs that are not finished, in order, `workers` at a time. The first failure ends all jobs.

    Raises:
        JobFailedError: a job failed; the message names the job and its log.
    """
    pending = [job for job in jobs if not job.finished()]
    kept = len(jobs) - len(pending)
    if kept:
        console.print(f"  {kept} of {len(jobs)} were finished before: kept", highlight=False)
    if not pending:
        return
    context = multiprocessing.get_context("forkserver" if device == "cpu" else "spawn")
    if device == "cpu":
        context.set_forkserver_preload(PRELOADED_MODULES)
    processes: dict[str, Any] = {}
    with environment(device), ThreadPoolExecutor(workers) as pool, _Bar(pending, console) as bar:
        futures: dict[Future[float], Job] = {pool.submit(_run, job, context, processes): job for job in pending}
        waiting = set(futures)
        try:
            while waiting:
                ended, waiting = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in ended:
                    bar.finished(futures[future], future.result())
                bar.update([futures[future] for future in waiting if future.running()])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes.values():
                process.terminate()
            raise


def _run(job: Job, context: Any, processes: dict[str, Any]) -> float:
    """Runs a job in a new process. Returns its seconds."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    process = context.Process(target=_child, args=(job.run, job.settings, str(job.log)))
    with _CHILDREN:
        process.start()
    processes[job.name] = process
    connection.wait([process.sentinel])
    with _CHILDREN:
        process.join()
    del processes[job.name]
    if process.exitcode != 0:
        end = end_of_log(job.log)
        raise JobFailedError(
            f"{job.name} failed with exit code {process.exitcode}; the output is in {job.log} and ends with:\n{end}"
        )
    return time.monotonic() - began


def end_of_log(log: Path) -> str:
    """Returns the last 15 lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def _child(run: Callable[[Any], Any], settings: Any, log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    code = run(settings)
    sys.stdout.flush()
    sys.stderr.flush()
    if code:
        raise SystemExit(code)


class _Bar:
    """A progress bar over all jobs, weighted by size, and a line for each finished job. Without a terminal, one line a minute."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._jobs, self._console = jobs, console
        self._total, self._done, self._count = sum(job.size for job in jobs), 0.0, 0
        self._began = self._reported = time.monotonic()
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        hidden = not console.is_terminal
        description = (TextColumn("  {task.description}"), BarColumn())
        self._progress = Progress(*description, *times, console=console, disable=hidden, transient=True)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        self._task = self._progress.add_task("starting", total=self._total)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def finished(self, job: Job, seconds: float) -> None:
        self._done += job.size
        self._count += 1
        self._print(f"{job.name}: {seconds:.0f} s", self._done)

    def update(self, running: Sequence[Job]) -> None:
        done = self._done + sum(job.size * min(1.0, job.progress()) for job in running)
        names = ", ".join(job.name for job in running)
        self._progress.update(self._task, completed=done, description=names)
        if not self._console.is_terminal and running and time.monotonic() - self._reported > REPORT_SECONDS:
            self._print(f"running: {names}", done)

    def _print(self, text: str, done: float) -> None:
        self._reported = time.monotonic()
        elapsed = self._reported - self._began
        left = "" if done <= 0 else f", about {elapsed * (self._total - done) / done / 60:.0f} min left"
        progress = f"{self._count} of {len(self._jobs)}, {elapsed / 60:.1f} min{left}"
        self._console.print(f"  {progress}; {text}", highlight=False, soft_wrap=True)
