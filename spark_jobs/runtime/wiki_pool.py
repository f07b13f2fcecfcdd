"""A pool that runs the same work for several wikis at a time, so that a failed wiki does not stop the others.

Each wiki has a thread of the driver, a Spark session (its shuffles are sized for the wiki) and a FAIR pool of Spark's scheduler.
The wikis with waiting tasks share the cores: a small wiki does not wait for a large one, and no core is idle while one wiki plans
or publishes. The result does not depend on the order.

A failure in one wiki (a damaged dump, a table of another wiki) does not stop the others. A failure of a shared resource (a full
disk, a stopped Spark, Ctrl-C) stops the run.
"""

import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.runtime.disk_full import DiskFullError
from spark_jobs.runtime.wiki_progress import show_wiki_progress

T = TypeVar("T")
Work = Callable[[SparkSession, str], T]

MOST_PARALLEL = 8
"""Default limit of wikis at a time; each costs the driver a thread and the memory of its stages."""
_POOL = "spark.scheduler.pool"
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Failure:
    """The reason why a wiki failed."""

    reason: str
    """One sentence."""
    details: str = ""
    """The stack trace of an unexpected exception, else empty."""

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """The failure for an exception; a `ConfigurationError` needs no stack trace."""
        if isinstance(error, ConfigurationError):
            return cls(str(error))
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        reason = find_task_exception(str(error)) or f"{type(error).__name__}: {first}".rstrip(": ")
        return cls(reason, "".join(traceback.format_exception(error)))


_TRACE = "Traceback (most recent call last):"
_EXCEPTION_LINE = re.compile(r"^(?:\w+\.)*(\w+: .+)$", re.MULTILINE)


def find_task_exception(text: str) -> str | None:
    r"""The exception of a task in the text that Spark raises for it, as `Type: message`; None if there is no trace of Python.

    >>> find_task_exception("Thrown.\nTraceback (most recent call last):\n  File x\npyarrow.lib.ArrowInvalid: cut\n")
    'ArrowInvalid: cut'
    """
    found = _EXCEPTION_LINE.search(text, text.rfind(_TRACE)) if _TRACE in text else None
    return None if found is None else found[1]


@dataclass(frozen=True)
class Outcomes(Generic[T]):
    """The result or the failure of each wiki."""

    results: Mapping[str, T]
    failures: Mapping[str, Failure]


def choose_parallelism(spark: SparkSession, wanted: int | None, wikis: int) -> int:
    """The number of wikis at a time: `wanted`, or one for each core up to `MOST_PARALLEL`; at most `wikis`."""
    return max(1, min(wikis, wanted if wanted is not None else min(MOST_PARALLEL, spark.sparkContext.defaultParallelism)))


def for_each_wiki(
    spark: SparkSession,
    wikis: Sequence[str],
    parallel: int,
    work: Work[T],
    describe: Callable[[T], str],
    raise_failure: bool = False,
) -> Outcomes[T]:
    """Run `work` for each wiki, `parallel` at a time, starting in the given order; `describe` gives the line for a result.

    With `raise_failure`, for a run of one wiki, any exception is raised. A failure of a shared resource is always raised.
    """
    if raise_failure:
        return Outcomes({wiki: work(spark, wiki) for wiki in wikis}, {})
    stop = threading.Event()

    def work_in_pool(wiki: str) -> T:
        if stop.is_set():
            raise InterruptedError("stopped")
        session = spark.newSession()
        session.sparkContext.setLocalProperty(_POOL, wiki)
        try:
            return work(session, wiki)
        except Exception as error:
            if _is_shared_failure(error, spark):
                stop.set()  # before this thread takes the next wiki
            raise

    results: dict[str, T] = {}
    failures: dict[str, Failure] = {}
    with ThreadPoolExecutor(parallel, thread_name_prefix="wiki") as pool, show_wiki_progress(len(wikis)) as progress:
        futures = {pool.submit(work_in_pool, wiki): wiki for wiki in wikis}
        try:
            for future in as_completed(futures):
                wiki = futures[future]
                try:
                    results[wiki] = future.result()
                    progress.finish_wiki(f"{wiki}: {describe(results[wiki])}", failed=False)
                except Exception as error:
                    if _is_shared_failure(error, spark):
                        raise
                    failures[wiki] = Failure.of(error)
                    progress.finish_wiki(f"{wiki} failed: {failures[wiki].reason}", failed=True)
        except BaseException:
            stop.set()
            _cancel(spark, list(futures))
            raise
    return Outcomes(_in_order(results, wikis), _in_order(failures, wikis))


V = TypeVar("V")


def _in_order(found: Mapping[str, V], wikis: Sequence[str]) -> dict[str, V]:
    return {wiki: found[wiki] for wiki in wikis if wiki in found}


def _is_shared_failure(error: Exception, spark: SparkSession) -> bool:
    return isinstance(error, DiskFullError) or _has_stopped(spark)


def _has_stopped(spark: SparkSession) -> bool:
    try:
        return bool(spark.sparkContext._jsc.sc().isStopped())
    except Exception:  # py4j raises many types when the connection to the JVM is lost
        return True


def _cancel(spark: SparkSession, futures: Sequence[Future[T]]) -> None:
    """Cancel jobs until all threads have ended: a thread between two jobs would start the next one."""
    for future in futures:
        future.cancel()
    while not all(future.done() for future in futures) and not _has_stopped(spark):
        spark.sparkContext.cancelAllJobs()
        wait(futures, timeout=_POLL_SECONDS)
        time.sleep(_POLL_SECONDS)
