"""Stage `render`: `augmented` becomes `rendered`, plain text with names in it, and a dataset card."""

from pyspark.sql import SparkSession

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import RenderSettings
from spark_jobs.contract.corpus_tables import CorpusTable, corpus_tables, read_manifests
from spark_jobs.contract.table_schemas import AUGMENTED, RENDERED
from spark_jobs.publishing.publication import Publication, table_input
from spark_jobs.publishing.shard_writer import sum_counters
from spark_jobs.rendering.rendered_shards import render_shard
from spark_jobs.reports.cards.card_files import README, write_card
from spark_jobs.runtime.job_progress import show_progress
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.spark_tasks import map_tasks
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.stages.stage_runs import StageResult


def render_wikis(settings: RenderSettings) -> int:
    """Render every wiki of the configuration and print a line for each; returns the exit code."""
    console.print(settings.to_yaml(), style="dim", highlight=False)
    find_augmented(settings)  # configuration errors are raised before Spark starts
    spark = start_session(settings.spark, "leia render")
    for wiki, result in render_corpus(spark, settings).items():
        (manifest,) = result.manifests
        counters = manifest.counters
        state = ", up to date" if result.skipped else ""
        console.print(
            f"rendered {wiki}: {manifest.rows:,} articles, {counters['names']:,} of {counters['entities']:,} names, "
            f"{manifest.bytes:,} bytes{state}",
            highlight=False,
        )
    spark.stop()
    console.print(f"the text is in {settings.output_dir}, described in {settings.output_dir}/{README}", highlight=False)
    return 0


def render_corpus(spark: SparkSession, settings: RenderSettings) -> dict[str, StageResult]:
    """Publish `rendered` of every wiki and write the dataset card of the output folder."""
    augmented = find_augmented(settings)
    with translate_task_errors(settings.output_dir, spark):
        results = {wiki: render_wiki(spark, settings, augmented, wiki) for wiki in settings.wikis or augmented.wikis}
        write_card(Location.of(settings.output_dir), settings.card)
    return results


def find_augmented(settings: RenderSettings) -> CorpusTable:
    """The table `augmented` of the corpus. Raises `ConfigurationError` if the table, a wiki or the pivot language is missing."""
    corpus = Location.of(settings.corpus)
    found = [table for table in corpus_tables(read_manifests(corpus)) if table.name == AUGMENTED.name]
    if not found:
        raise ConfigurationError(f"corpus: {settings.corpus!r} holds no table 'augmented': give the output_dir of a build")
    (table,) = found
    for wiki in settings.wikis or table.wikis:
        if wiki not in table.wikis:
            raise ConfigurationError(f"wikis: {wiki!r} is not in {settings.corpus}; it holds {', '.join(table.wikis)}")
        if settings.pivot not in (pivots := table.wikis[wiki].configuration["pivots"]):
            raise ConfigurationError(
                f"pivot: {wiki} has no names in {settings.pivot!r}, but in {', '.join(pivots)}; add that language to pivots and "
                "build again"
            )
    return table


def render_wiki(spark: SparkSession, settings: RenderSettings, augmented: CorpusTable, wiki: str) -> StageResult:
    """Publish `rendered` of one wiki, unless it is up to date."""
    manifest = augmented.wikis[wiki]
    rule, compression = settings.rule, settings.compression if settings.format == "jsonl" else None
    configuration = {"wiki": wiki, **rule.model_dump(mode="json"), "format": settings.format, "compression": compression}
    publication = Publication(Location.of(settings.output_dir), RENDERED, {"wiki": wiki}, [table_input(manifest)], configuration)
    if (current := publication.current()) is not None:
        return StageResult([current], skipped=True)
    publication.begin()
    attempts = publication.attempts
    folder = Location.of(settings.corpus) / augmented.wiki_folder(wiki)
    shards = [folder / shard.path for shard in manifest.shards]
    with show_progress(spark.sparkContext, f"render {wiki}"):
        reports = map_tasks(spark, shards, lambda shard: render_shard(shard, wiki, rule, compression, attempts))
    return StageResult([publication.publish(reports, sum_counters(reports))])
