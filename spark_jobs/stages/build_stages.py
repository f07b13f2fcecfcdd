"""All stages for every wiki in one Spark application."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyspark
from pyspark.sql import SparkSession
from rich.filesize import decimal

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.extraction.dump_location import list_dumps
from spark_jobs.publishing.code_version import code_version
from spark_jobs.reports.build_summary import print_build_summary, summarise_wiki, write_build_summary
from spark_jobs.reports.cards.card_files import write_card
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.runtime.wiki_pool import Failure, choose_parallelism, for_each_wiki
from spark_jobs.stages.align_stage import align_wiki
from spark_jobs.stages.augment_stage import augment_wiki
from spark_jobs.stages.build_plan import BuildPlan, plan_build
from spark_jobs.stages.encode_stage import encode_wiki
from spark_jobs.stages.extract_stage import extract_wiki
from spark_jobs.stages.stage_runs import Stage, StageResult, report_failures, run_timed

STAGES: tuple[tuple[str, Stage], ...] = (
    ("extract", extract_wiki),
    ("align", align_wiki),
    ("augment", augment_wiki),
    ("encode", encode_wiki),
)
_STAGES_THAT_READ_DUMPS: Mapping[str, Callable[..., StageResult]] = {"extract": extract_wiki, "align": align_wiki}
"""These take `files`, so that a build lists the dumps once."""


def select_stages(settings: CorpusSettings) -> list[tuple[str, Stage]]:
    """The stages of the configuration: all, or all but `encode` if it has no section `encode`."""
    return [(name, stage) for name, stage in STAGES if name != "encode" or settings.encode is not None]


def build_wikis(settings: CorpusSettings) -> int:
    """Build all wikis of the configuration and print a summary; returns the exit code."""
    console.print(settings.to_yaml(), style="dim", highlight=False)
    plan = plan_build(settings)
    _print_plan(plan)
    spark = start_session(settings.spark, "leia build")
    summary = build(spark, settings, plan)
    spark.stop()
    print_build_summary(summary, settings)
    failures = {wiki: Failure(**failure) for wiki, failure in summary["failures"].items()}
    return max(report_failures(failures, len(settings.wikis)), int(summary["card_failure"] is not None))


def _print_plan(plan: BuildPlan) -> None:
    if len(plan.sizes) > 1:
        largest = next(iter(plan.sizes))
        total, first = decimal(sum(plan.sizes.values())), decimal(plan.sizes[largest])
        console.print(f"{len(plan.sizes)} wikis, {total} of dumps; the largest, {largest} ({first}), first", highlight=False)
    for wiki, failure in plan.failures.items():
        console.print(f"  {wiki} cannot be built: {failure.reason}", style="red", highlight=False, markup=False, soft_wrap=True)


def build(spark: SparkSession, settings: CorpusSettings, plan: BuildPlan | None = None) -> dict[str, Any]:
    """Run every stage for every wiki, then write `_build.json` and the dataset card to the output folder.

    Several wikis run at a time, in the order of the plan, or of the configuration without a plan. A wiki that fails does not stop
    the others; with a single wiki, its exception is raised.

    Returns:
        The content of `_build.json`, whose `failures` also name the wikis that the plan leaves out, and `card_failure`: why the
        dataset card could not be written, or None.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    planned_failures = {} if plan is None else dict(plan.failures)
    wikis = settings.wikis if plan is None else list(plan.sizes)
    files = list_dumps(settings) if plan is None else plan.files
    with_files = {name: partial(stage, files=files) for name, stage in _STAGES_THAT_READ_DUMPS.items()}
    stages = {name: with_files.get(name, stage) for name, stage in select_stages(settings)}

    def build_wiki(session: SparkSession, wiki: str) -> dict[str, StageResult]:
        return {name: run_timed(stage, session, settings, wiki) for name, stage in stages.items()}

    def describe(results: dict[str, StageResult]) -> str:
        figures = _summarise_stages(results, settings.pivots)
        return f"{figures['articles']:,} articles, {figures['links']:,} links, {figures['seconds']:.1f} s"

    parallel = choose_parallelism(spark, settings.parallel_wikis, len(wikis))
    outcomes = for_each_wiki(spark, wikis, parallel, build_wiki, describe, raise_failure=len(settings.wikis) == 1)
    results_by_wiki = {wiki: outcomes.results[wiki] for wiki in settings.wikis if wiki in outcomes.results}
    failures = planned_failures | dict(outcomes.failures)
    summary = {
        # Without `download`: the contact address is for the servers of the dumps, not for readers of the tables.
        "configuration": settings.model_dump(mode="json", exclude={"download"}),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 1),
        "parallel_wikis": parallel,
        "spark_version": pyspark.__version__,
        "code_version": code_version(),
        "wikis": {wiki: _summarise_stages(results, settings.pivots) for wiki, results in results_by_wiki.items()},
        "failures": {wiki: vars(failure) for wiki, failure in sorted(failures.items())},
        "stages": [
            {"stage": name, "wiki": wiki, "seconds": round(result.seconds, 1), "skipped": result.skipped}
            for wiki, results in results_by_wiki.items()
            for name, result in results.items()
        ],
    }
    with translate_task_errors(settings.output_dir, spark):
        write_build_summary(Location.of(settings.output_dir), summary)
        summary["card_failure"] = _try_write_card(settings) if results_by_wiki else None
    return summary


def _summarise_stages(results: Mapping[str, StageResult], pivots: list[str]) -> dict[str, Any]:
    manifests = [manifest for result in results.values() for manifest in result.manifests]
    return summarise_wiki(manifests, sum(result.seconds for result in results.values()), pivots)


def _try_write_card(settings: CorpusSettings) -> str | None:
    """Write the dataset card; returns why it could not be written, for example because of another build's damaged manifest."""
    try:
        write_card(Location.of(settings.output_dir), settings.card)
    except ConfigurationError as error:
        return str(error)
    return None
