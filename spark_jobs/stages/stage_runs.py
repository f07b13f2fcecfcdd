"""Run a stage for every wiki of a configuration: results, times, failures and the exit code."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession

from spark_jobs.common.console import console
from spark_jobs.common.retry_command import retry_command
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import Manifest
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.runtime.wiki_pool import Failure, choose_parallelism, for_each_wiki

EXIT_FAILED = 1
"""Exit code of a command if some wikis failed."""


@dataclass(frozen=True)
class StageResult:
    """The tables of a wiki after a stage; `skipped` if they were up to date, so that the stage did not run."""

    manifests: list[Manifest]
    skipped: bool = False
    seconds: float = 0.0


Stage = Callable[[SparkSession, CorpusSettings, str], StageResult]


def run_stage(name: str, stage: Stage, settings: CorpusSettings) -> int:
    """Run one stage for every wiki of the configuration and print a line for each table; returns the exit code."""
    console.print(settings.to_yaml(), style="dim", highlight=False)
    spark = start_session(settings.spark, f"leia {name}")
    parallel = choose_parallelism(spark, settings.parallel_wikis, len(settings.wikis))
    outcomes = for_each_wiki(
        spark,
        settings.wikis,
        parallel,
        lambda session, wiki: run_timed(stage, session, settings, wiki),
        describe_result,
        raise_failure=len(settings.wikis) == 1,
    )
    for wiki, result in outcomes.results.items():
        for manifest in result.manifests:
            state = "up to date" if result.skipped else f"published in {result.seconds:.1f} s"
            console.print(f"{manifest.table} {wiki}: {manifest.rows:,} rows, {manifest.bytes:,} bytes, {state}", highlight=False)
    spark.stop()
    return report_failures(outcomes.failures, len(settings.wikis))


def run_timed(stage: Stage, spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Run a stage for one wiki and measure its time. Raises exceptions as `translate_task_errors` translates them."""
    started = time.monotonic()
    with translate_task_errors(settings.output_dir, spark):
        result = stage(spark, settings, wiki)
    return StageResult(result.manifests, result.skipped, time.monotonic() - started)


def describe_result(result: StageResult) -> str:
    """The result of a stage in a few words: rows by table, and the time."""
    rows = ", ".join(f"{manifest.rows:,} {manifest.table}" for manifest in result.manifests)
    return f"{rows}, up to date" if result.skipped else f"{rows}, {result.seconds:.1f} s"


def report_failures(failures: Mapping[str, Failure], wikis: int) -> int:
    """Print which of the wikis failed, why, and the command that repeats them; returns the exit code."""
    if not failures:
        return 0
    console.print(f"\n{len(failures)} of {wikis} wikis failed; the tables of the others are complete:", style="bold red")
    for wiki, failure in failures.items():
        for line in (f"  {wiki}: {failure.reason}", *failure.details.splitlines()):
            console.print(line, style="red", highlight=False, markup=False, soft_wrap=True)
    command = retry_command(list(failures))
    console.print(f"after fixing the cause, run:  {command}", highlight=False, markup=False, soft_wrap=True)
    return EXIT_FAILED
