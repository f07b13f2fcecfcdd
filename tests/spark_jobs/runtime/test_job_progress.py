"""Progress of the Spark jobs of one stage, without a terminal."""

import re
import time

import pytest

from spark_jobs.runtime import job_progress
from spark_jobs.runtime.job_progress import show_progress
from spark_jobs.runtime.wiki_progress import show_wiki_progress

PROPERTIES = ("spark.jobGroup.id", "spark.job.description")


def group_of_jobs(context) -> list[str | None]:
    return [context.getLocalProperty(name) for name in PROPERTIES]


def fail(context) -> None:
    with show_progress(context, "extract"):
        raise KeyError("x")


def test_later_jobs_do_not_belong_to_the_stage_even_after_an_exception(spark) -> None:
    with pytest.raises(KeyError):
        fail(spark.sparkContext)
    assert group_of_jobs(spark.sparkContext) == [None, None]


def test_the_jobs_of_the_body_carry_the_label(spark, capsys) -> None:
    with show_progress(spark.sparkContext, "extract"):
        group, description = group_of_jobs(spark.sparkContext)
        spark.range(3).count()
        assert len(spark.sparkContext.statusTracker().getJobIdsForGroup(group)) > 0
    assert str(group).startswith("extract ")
    assert description == "extract"
    assert re.fullmatch(r"  extract: \d+\.\d s\n", capsys.readouterr().err)


def test_the_tasks_of_a_running_job_are_counted(spark, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_progress, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(job_progress, "LINE_SECONDS", 0.0)
    with show_progress(spark.sparkContext, "extract"):
        spark.sparkContext.parallelize(range(4), 4).map(lambda _: time.sleep(1)).count()
    lines = [line for line in capsys.readouterr().err.splitlines() if "tasks" in line]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"  extract: [0-4] of 4 tasks done", line)] == []


def test_a_stage_of_one_of_several_wikis_prints_no_time(spark, capsys) -> None:
    with show_wiki_progress(2), show_progress(spark.sparkContext, "jawiki: extract"):
        spark.range(3).count()
    assert capsys.readouterr().err == ""
