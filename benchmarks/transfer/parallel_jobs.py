"""Trainings and evaluations, several at a time, each a process of its own with one thread.

Starting Python with torch, transformers, DeepSpeed and lm-eval takes 15 to 25 seconds on a slow core, and there are dozens of
jobs of a few minutes. So a server process imports them once, and every job is forked from it. On a GPU jobs start from scratch:
CUDA does not survive a fork.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PRELOADED = [
    *("torch", "transformers.models.llama.modeling_llama", "deepspeed", "peft", "lm_eval.tasks", "lm_eval.evaluator", "datasets"),
    *(
        "training.train",
        "training.model.model_loading",
        "training.engine.deepspeed_engine",
        "training.model.model_export",
        "eval.run",
        "eval.scoring.language_model",
    ),
]
"""Modules that the server process imports."""
LOOK_EVERY = 2.0
"""Seconds between two looks at what is running."""
TELL_EVERY = 60.0
"""Seconds between two lines where the output is no terminal."""


class JobFailedError(RuntimeError):
    """A job ended with an error; the message names its log and shows its end."""


@dataclass(frozen=True)
class Job:
    """Something to run, and how much work it is."""

    name: str
    run: Callable[[Any], Any]
    """Takes the settings; a result that is neither None nor 0 is an error."""
    settings: Any
    log: Path
    finished: Callable[[], bool]
    """Whether its result is there already."""
    size: float
    """Work in seconds of some machine: only the ratios count."""
    done: Callable[[], float] = lambda: 0.0
    """The part of it that is done, 0 to 1, while it runs."""


@contextmanager
def environment(device: Literal["cpu", "cuda"]) -> Iterator[None]:
    """What jobs inherit: the device, one thread each, nothing from the network."""
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
    """Run those that are not finished, `workers` at a time, in their order; the first failure ends all.

    Raises:
        JobFailedError: naming the job and its log.
    """
    pending = [job for job in jobs if not job.finished()]
    kept = len(jobs) - len(pending)
    if kept:
        console.print(f"  {kept} of {len(jobs)} were finished before: kept", highlight=False)
    if not pending:
        return
    context = multiprocessing.get_context("forkserver" if device == "cpu" else "spawn")
    if device == "cpu":
        context.set_forkserver_preload(PRELOADED)
    processes: dict[str, Any] = {}
    with environment(device), ThreadPoolExecutor(workers) as pool, _Bar(pending, console) as bar:
        futures: dict[Future[float], Job] = {pool.submit(_run, job, context, processes): job for job in pending}
        waiting = set(futures)
        try:
            while waiting:
                ended, waiting = wait(waiting, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
                for future in ended:
                    bar.finished(futures[future], future.result())
                bar.look([futures[future] for future in waiting if future.running()])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes.values():
                process.terminate()
            raise


def _run(job: Job, context: Any, processes: dict[str, Any]) -> float:
    """Run a job in a process of its own; returns the seconds that it took."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    process = context.Process(target=_child, args=(job.run, job.settings, str(job.log)))
    process.start()
    processes[job.name] = process
    process.join()
    del processes[job.name]
    if process.exitcode != 0:
        end = "\n".join(job.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise JobFailedError(f"{job.name} ended with exit code {process.exitcode}; {job.log} has all it said, and last:\n{end}")
    return time.monotonic() - began


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
    """One bar over all jobs, weighted by size; a line for each finished job, and one a minute where there is no terminal."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._jobs, self._console = jobs, console
        self._total, self._done, self._count = sum(job.size for job in jobs), 0.0, 0
        self._began = self._told = time.monotonic()
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        hidden = not console.is_terminal
        what = (TextColumn("  {task.description}"), BarColumn())
        self._progress = Progress(*what, *times, console=console, disable=hidden, transient=True)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        self._task = self._progress.add_task("starting", total=self._total)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def finished(self, job: Job, seconds: float) -> None:
        self._done += job.size
        self._count += 1
        self._tell(f"{job.name}: {seconds:.0f} s", self._done)

    def look(self, running: Sequence[Job]) -> None:
        done = self._done + sum(job.size * min(1.0, job.done()) for job in running)
        names = ", ".join(job.name for job in running)
        self._progress.update(self._task, completed=done, description=names)
        if not self._console.is_terminal and running and time.monotonic() - self._told > TELL_EVERY:
            self._tell(f"running: {names}", done)

    def _tell(self, text: str, done: float) -> None:
        self._told = time.monotonic()
        elapsed = self._told - self._began
        left = "" if done <= 0 else f", about {elapsed * (self._total - done) / done / 60:.0f} min left"
        progress = f"{self._count} of {len(self._jobs)}, {elapsed / 60:.1f} min{left}"
        self._console.print(f"  {progress}; {text}", highlight=False, soft_wrap=True)
