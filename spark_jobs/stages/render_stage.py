"""Write a corpus as plain text with names in it: Parquet or JSON lines."""

from typing import Literal

from pydantic import Field, field_validator
from pyspark.sql import SparkSession

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CardSettings, SparkSettings
from spark_jobs.contract.corpus_tables import CorpusTable, corpus_tables, read_manifests
from spark_jobs.contract.table_schemas import AUGMENTED, RENDERED
from spark_jobs.publishing.json_lines import Compression
from spark_jobs.publishing.publication import Publication, table_input
from spark_jobs.publishing.shard_files import sum_counters
from spark_jobs.reports.cards.card_files import README, write_card
from spark_jobs.runtime.spark_progress import show_progress
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.spark_shards import map_tasks
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.rendering.rendered_shards import RenderRule, render_shard
from spark_jobs.stages.stage_runs import StageResult


class RenderSettings(RenderRule):
    """A rendering: of which corpus, what, and where it goes."""

    corpus: str
    """Folder or address of the corpus: the output_dir of its build."""
    output_dir: str
    """Folder that gets the table `rendered` and its card."""
    wikis: list[str] | None = None
    """Wikis to render. Default: all of the corpus."""
    format: Literal["parquet", "jsonl"] = "parquet"
    """Parquet, or JSON lines: an object for each article."""
    compression: Compression = "gzip"
    """Of JSON lines: gzip, which every reader knows; zstd, which `datasets` reads if zstandard is installed; none. Parquet is
    always compressed with zstd."""
    probability: float = Field(0.5, ge=0, le=1)
    """Share of links that get their name."""
    seed: int = Field(42, ge=0, lt=2**63)
    """Another seed draws other links; with the seed of a training run its links are drawn."""
    epoch: int = Field(0, ge=0)
    """Which pass over the data: a training run draws anew in each, the first is 0."""
    card: CardSettings = Field(default_factory=lambda: CardSettings(title="Wikipedia with entity names in the text"))
    """What the dataset card says that the table does not know."""
    spark: SparkSettings = Field(default_factory=SparkSettings)
    """How Spark runs."""

    @field_validator("wikis")
    @classmethod
    def _are_distinct(cls, wikis: list[str] | None) -> list[str] | None:
        if wikis is not None and (not wikis or len(set(wikis)) != len(wikis)):
            raise ValueError("names each wiki once, and at least one; leave it out for all of the corpus")
        return wikis

    @property
    def rule(self) -> RenderRule:
        """The part of the settings that the text depends on."""
        return RenderRule(**{name: getattr(self, name) for name in RenderRule.model_fields})


def augmented_table(settings: RenderSettings) -> CorpusTable:
    """The table `augmented` of the corpus. Raises `ConfigurationError` where it, a wiki or the pivot language is not there."""
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
                f"pivot: {wiki} has no names in {settings.pivot!r}, but in {', '.join(pivots)}; build it with that language "
                "among pivots"
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


def render_corpus(spark: SparkSession, settings: RenderSettings) -> dict[str, StageResult]:
    """Publish `rendered` of every wiki, and the card of the folder."""
    augmented = augmented_table(settings)
    with translate_task_errors(settings.output_dir, spark):
        results = {wiki: render_wiki(spark, settings, augmented, wiki) for wiki in settings.wikis or augmented.wikis}
        write_card(Location.of(settings.output_dir), settings.card)
    return results


def render_wikis(settings: RenderSettings) -> int:
    """Render every wiki and say what was written."""
    console.print(settings.to_yaml(), style="dim", highlight=False)
    augmented_table(settings)  # what is wrong with the configuration is said before Spark starts
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
    console.print(f"the text lies in {settings.output_dir}, described in {settings.output_dir}/{README}", highlight=False)
    return 0
