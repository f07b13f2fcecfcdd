"""The pool of wikis: order, failures of one wiki, failures of a shared resource."""

import doctest
import threading
import time
from typing import Any

import pytest

from spark_jobs.runtime import wiki_pool
from spark_jobs.runtime.disk_full import DiskFullError
from spark_jobs.runtime.task_errors import BadInputError
from spark_jobs.runtime.wiki_pool import Failure, choose_parallelism, for_each_wiki


def describe(outcome: int) -> str:
    return f"{outcome} done"


def test_wikis_run_side_by_side_in_separate_pools_and_results_keep_their_order(spark) -> None:
    together = threading.Barrier(3, timeout=30)

    def work(session, wiki: str) -> Any:
        together.wait()
        context = session.sparkContext
        session.conf.set("spark.sql.shuffle.partitions", str(ord(wiki[0])))
        together.wait()
        return context.getLocalProperty("spark.scheduler.pool"), session.conf.get("spark.sql.shuffle.partitions")

    outcomes = for_each_wiki(spark, ["c", "a", "b"], 3, work, str)
    assert outcomes.results == {"c": ("c", "99"), "a": ("a", "97"), "b": ("b", "98")}
    assert list(outcomes.results) == ["c", "a", "b"]
    assert spark.conf.get("spark.sql.shuffle.partitions") == "3"
    assert spark.sparkContext._jsc.sc().getSchedulingMode().toString() == "FAIR"


def test_a_failed_wiki_is_logged_with_its_reason_and_the_others_finish(spark, capfd) -> None:
    def work(_, wiki: str) -> int:
        if wiki == "b":
            raise BadInputError("b is damaged")
        if wiki == "c":
            raise KeyError("an unexpected key")
        return 1

    outcomes = for_each_wiki(spark, ["a", "b", "c", "d"], 2, work, describe)
    assert outcomes.results == {"a": 1, "d": 1}
    assert outcomes.failures["b"] == Failure("b is damaged")
    assert outcomes.failures["c"].reason == "KeyError: 'an unexpected key'"
    assert "in work" in outcomes.failures["c"].details
    printed = capfd.readouterr().err
    assert "4/4" in printed
    assert "a: 1 done" in printed
    assert "b failed: b is damaged" in printed


def test_the_failure_of_a_single_wiki_is_raised_on_request(spark) -> None:
    def work(*_) -> int:
        raise BadInputError("damaged")

    with pytest.raises(BadInputError):
        for_each_wiki(spark, ["a"], 2, work, describe, raise_failure=True)
    assert for_each_wiki(spark, ["a"], 2, work, describe).failures == {"a": Failure("damaged")}


def test_a_failure_of_a_shared_resource_stops_all_wikis_and_cancels_running_jobs(spark) -> None:
    running = threading.Event()
    ended: list[str] = []

    def work(session, wiki: str) -> int:
        if wiki == "a":
            assert running.wait(30)
            raise DiskFullError("no room")
        if wiki != "b":
            ended.append(f"{wiki} was started")
            return 1
        running.set()
        try:  # a job that would take an hour
            session.sparkContext.parallelize(range(2), 2).map(lambda _: time.sleep(3600)).count()
        except Exception:
            ended.append("b was cancelled")
            raise
        return 1

    started = time.monotonic()
    with pytest.raises(DiskFullError):
        for_each_wiki(spark, ["a", "b", "c", "d"], 2, work, describe)
    assert ended == ["b was cancelled"]
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(("wanted", "wikis", "expected"), [(None, 60, 2), (5, 60, 5), (5, 3, 3), (None, 1, 1), (1, 9, 1)])
def test_by_default_as_many_wikis_run_at_a_time_as_there_are_cores(spark, wanted, wikis, expected) -> None:
    assert choose_parallelism(spark, wanted, wikis) == expected


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(wiki_pool).failed == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bad\n{trace}\n  File\nKeyError: 'x'\n\n\tat org.apache.X: y", "KeyError: 'x'"),
        (
            "{trace}\n  File\nValueError: first\n\nDuring it:\n\n{trace}\n  File\na.b.OtherError: second: more\n",
            "OtherError: second: more",
        ),
        ("one line\nsecond", "RuntimeError: one line"),
        ("", "RuntimeError"),
    ],
)
def test_the_reason_of_a_failure_is_the_exception_of_the_task(text: str, reason: str) -> None:
    text = text.replace("{trace}", "Traceback (most recent call last):")
    assert Failure.of(RuntimeError(text)).reason == reason
