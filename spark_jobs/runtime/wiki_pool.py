"""The same work for every wiki of a configuration, several at a time, so that one that fails does not stop the others.

Each wiki has a thread of the driver, a Spark session of its own (its shuffles are sized for it) and a FAIR pool of the scheduler:
cores are shared by the wikis that have tasks waiting, so that a small wiki is not stuck behind a large one, and none of them
idles while one wiki plans or publishes. The largest begin first. What comes out is the same, in whatever order they run.

A fault of a wiki is its own: a damaged dump, a table of another wiki. One of what all share ends everything: a full disk, a Spark
that has stopped, Ctrl-C.
"""

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.runtime.job_progress import many_wikis
from spark_jobs.runtime.task_errors import DiskFullError

T = TypeVar("T")
Work = Callable[[SparkSession, str], T]

MOST_PARALLEL = 8
"""Wikis at a time, by default; each costs the driver a thread and what its stages bring there."""
_POOL = "spark.scheduler.pool"
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Failure:
    """Why a wiki was not done."""

    reason: str
    """In a sentence, where the fault is known."""
    details: str = ""
    """The stack, where it is not."""

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """What the exception says, with its stack unless it is one that was written for readers."""
        if isinstance(error, ConfigurationError):
            return cls(str(error))
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        return cls(f"{type(error).__name__}: {first}".rstrip(": "), "".join(traceback.format_exception(error)))


@dataclass(frozen=True)
class Outcomes(Generic[T]):
    """What became of the wikis, each in one of the two."""

    results: Mapping[str, T]
    failures: Mapping[str, Failure]


def parallel_wikis(spark: SparkSession, wanted: int | None, wikis: int) -> int:
    """How many wikis are worked on at a time: as many as are wanted, else one for each core up to `MOST_PARALLEL`."""
    return max(1, min(wikis, wanted if wanted is not None else min(MOST_PARALLEL, spark.sparkContext.defaultParallelism)))


def for_each_wiki(
    spark: SparkSession, wikis: Sequence[str], parallel: int, work: Work[T], describe: Callable[[T], str], alone: bool = False
) -> Outcomes[T]:
    """Do `work` for each wiki, `parallel` at a time, beginning in the order given; `describe` says of a result what is shown.

    `alone` is for a single wiki that nobody asked others beside: its exception is raised, as are those that concern all.
    """
    if alone:
        return Outcomes({wiki: work(spark, wiki) for wiki in wikis}, {})
    stop = threading.Event()

    def in_pool(wiki: str) -> T:
        if stop.is_set():
            raise InterruptedError("stopped")
        session = spark.newSession()
        session.sparkContext.setLocalProperty(_POOL, wiki)
        try:
            return work(session, wiki)
        except Exception as error:
            if _concerns_all(error, spark):
                stop.set()  # here, before this thread takes the next wiki
            raise

    results: dict[str, T] = {}
    failures: dict[str, Failure] = {}
    with ThreadPoolExecutor(parallel, thread_name_prefix="wiki") as pool, many_wikis(len(wikis)) as progress:
        futures = {pool.submit(in_pool, wiki): wiki for wiki in wikis}
        try:
            for future in as_completed(futures):
                wiki = futures[future]
                try:
                    results[wiki] = future.result()
                    progress.tell(f"{wiki}: {describe(results[wiki])}", failed=False)
                except Exception as error:
                    if _concerns_all(error, spark):
                        raise
                    failures[wiki] = Failure.of(error)
                    progress.tell(f"{wiki} failed: {failures[wiki].reason}", failed=True)
        except BaseException:
            stop.set()
            _cancel(spark, list(futures))
            raise
    return Outcomes(_in_order(results, wikis), _in_order(failures, wikis))


V = TypeVar("V")


def _in_order(found: Mapping[str, V], wikis: Sequence[str]) -> dict[str, V]:
    return {wiki: found[wiki] for wiki in wikis if wiki in found}


def _concerns_all(error: Exception, spark: SparkSession) -> bool:
    return isinstance(error, DiskFullError) or _has_stopped(spark)


def _has_stopped(spark: SparkSession) -> bool:
    try:
        return bool(spark.sparkContext._jsc.sc().isStopped())
    except Exception:  # the connection to the JVM is gone, which py4j tells in many ways
        return True


def _cancel(spark: SparkSession, futures: Sequence[Future[T]]) -> None:
    """End what runs: a thread that is between two jobs would start the next one, so until none is left."""
    for future in futures:
        future.cancel()
    while not all(future.done() for future in futures) and not _has_stopped(spark):
        spark.sparkContext.cancelAllJobs()
        wait(futures, timeout=_POLL_SECONDS)
        time.sleep(_POLL_SECONDS)
