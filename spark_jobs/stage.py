"""What the stages share: how one is run for every wiki, and how it finds what an earlier one published."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession

from spark_jobs.config import CorpusSettings
from spark_jobs.faults import told_faults
from spark_jobs.progress import console
from spark_jobs.session import start_session
from spark_jobs.settings import ConfigurationError
from spark_jobs.storage import Location
from spark_jobs.tables import MANIFEST, Manifest, Table, check_schema_version


@dataclass(frozen=True)
class StageResult:
    """What a stage published for a wiki; `skipped` if it was up to date and nothing was done."""

    manifests: list[Manifest]
    skipped: bool = False
    seconds: float = 0.0


Stage = Callable[[SparkSession, CorpusSettings, str], StageResult]


def published(settings: CorpusSettings, table: Table, partition: Mapping[str, str], stage: str) -> tuple[Location, Manifest]:
    """The folder and manifest of a published table. Raises `ConfigurationError` naming the `stage` that has yet to run."""
    folder = Location.of(settings.output_dir) / table.folder(partition)
    path = folder / MANIFEST
    if not path.exists():
        raise ConfigurationError(f"{path.path} does not exist: run the stage {stage!r} for {partition['wiki']} first")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
        check_schema_version(manifest.schema_version, path.path)
    except ValueError as error:
        raise ConfigurationError(f"{path.path} cannot be used: {error}; run the stage {stage!r} again") from error
    return folder, manifest


def timed(stage: Stage, spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Run a stage for one wiki and note how long it took. Raises what `told_faults` makes of the stage's exceptions."""
    started = time.monotonic()
    with told_faults(settings.output_dir, spark):
        result = stage(spark, settings, wiki)
    return StageResult(result.manifests, result.skipped, time.monotonic() - started)


def run_stage(name: str, stage: Stage, settings: CorpusSettings) -> int:
    """Run one stage for every wiki of the configuration and say what it published: the body of a stage's entry point."""
    console.print(settings.to_yaml(), style="dim", highlight=False)
    spark = start_session(settings.spark, f"leia {name}")
    for wiki in settings.wikis:
        result = timed(stage, spark, settings, wiki)
        for manifest in result.manifests:
            state = "up to date" if result.skipped else f"published in {result.seconds:.1f} s"
            console.print(f"{manifest.table} {wiki}: {manifest.rows:,} rows, {manifest.bytes:,} bytes, {state}", highlight=False)
    spark.stop()
    return 0
