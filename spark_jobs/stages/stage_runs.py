"""What the stages share: how one is run for every wiki, and how it finds what an earlier one published."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.retry_command import retry_command
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import MANIFEST, Manifest, read_manifest
from spark_jobs.contract.table_schemas import Table
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.runtime.wiki_pool import Failure, choose_parallelism, for_each_wiki

EXIT_FAILED = 1
"""Exit code of a command of which some wikis failed."""


@dataclass(frozen=True)
class StageResult:
    """What a stage published for a wiki; `skipped` if it was up to date and nothing was done."""

    manifests: list[Manifest]
    skipped: bool = False
    seconds: float = 0.0


Stage = Callable[[SparkSession, CorpusSettings, str], StageResult]


def find_published(settings: CorpusSettings, table: Table, partition: Mapping[str, str], stage: str) -> tuple[Location, Manifest]:
    """The folder and manifest of a published table. Raises `ConfigurationError` naming the `stage` that has yet to run."""
    folder = Location.of(settings.output_dir) / table.folder(partition)
    if not (folder / MANIFEST).exists():
        raise ConfigurationError(f"{folder / MANIFEST} does not exist: run the stage {stage!r} for {partition['wiki']} first")
    try:
        return folder, read_manifest(folder)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; run the stage {stage!r} again") from error


def timed(stage: Stage, spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Run a stage for one wiki and note how long it took. Raises what `told_faults` makes of the stage's exceptions."""
    started = time.monotonic()
    with translate_task_errors(settings.output_dir, spark):
        result = stage(spark, settings, wiki)
    return StageResult(result.manifests, result.skipped, time.monotonic() - started)


def run_stage(name: str, stage: Stage, settings: CorpusSettings) -> int:
    """Run one stage for every wiki of the configuration and say what it published: the body of a stage's entry point."""
    console.print(settings.to_yaml(), style="dim", highlight=False)
    spark = start_session(settings.spark, f"leia {name}")
    parallel = choose_parallelism(spark, settings.parallel_wikis, len(settings.wikis))
    outcomes = for_each_wiki(
        spark,
        settings.wikis,
        parallel,
        lambda session, wiki: timed(stage, session, settings, wiki),
        describe_result,
        raise_failure=len(settings.wikis) == 1,
    )
    for wiki, result in outcomes.results.items():
        for manifest in result.manifests:
            state = "up to date" if result.skipped else f"published in {result.seconds:.1f} s"
            console.print(f"{manifest.table} {wiki}: {manifest.rows:,} rows, {manifest.bytes:,} bytes, {state}", highlight=False)
    spark.stop()
    return report_failures(outcomes.failures, len(settings.wikis))


def describe_result(result: StageResult) -> str:
    """A stage's result in a few words."""
    rows = ", ".join(f"{manifest.rows:,} {manifest.table}" for manifest in result.manifests)
    return f"{rows}, up to date" if result.skipped else f"{rows}, {result.seconds:.1f} s"


def report_failures(failures: Mapping[str, Failure], wikis: int) -> int:
    """Say which of the wikis failed, why, and how to do them again; returns the exit code."""
    if not failures:
        return 0
    console.print(f"\n{len(failures)} of {wikis} wikis failed; the tables of the others are whole:", style="bold red")
    for wiki, failure in failures.items():
        for line in (f"  {wiki}: {failure.reason}", *failure.details.splitlines()):
            console.print(line, style="red", highlight=False, markup=False, soft_wrap=True)
    again = retry_command(list(failures))
    console.print(f"again, when that is put right:  {again}", highlight=False, markup=False, soft_wrap=True)
    return EXIT_FAILED
