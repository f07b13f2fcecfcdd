"""Stage `augment`: `articles` and `names` become `augmented` and `links`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import Manifest
from spark_jobs.contract.table_schemas import ARTICLES, AUGMENTED, LINKS, NAMES
from spark_jobs.linking.name_resolution import Pivot, TargetNames, load_pivots
from spark_jobs.linking.named_links import build_entities_column, build_links_table, count_links, name_links, resolve_titles
from spark_jobs.publishing.publication import Publication, table_input
from spark_jobs.publishing.published_tables import find_published
from spark_jobs.publishing.shard_writer import ShardReport, ShardWriter, shard_name, sum_counters
from spark_jobs.runtime.job_progress import show_progress
from spark_jobs.runtime.spark_session import size_shuffles
from spark_jobs.runtime.spark_shards import (
    REPORT_SCHEMA,
    read_shards,
    report_from_row,
    reports_to_batch,
    sort_into_shards,
    split_by_shard,
)
from spark_jobs.stages.stage_runs import StageResult, run_stage

_ROW_GROUP_ROWS = {AUGMENTED.name: 1000, LINKS.name: 50_000}
_READ_ROWS = 1000
_TARGET_COLUMNS = ["links.list.element.wiki", "links.list.element.target"]
_NAMES_COLUMNS = "title string, page_id long, names array<struct<language: string, title: string, source: string>>"


def join_targets(spark: SparkSession, folder: Location, articles: Manifest, names: DataFrame) -> DataFrame:
    """The names of the link targets of each shard of `articles`: (shard, title, page_id, names), a row for each shard and title.

    Rows are in the task of their shard. Each shard begins with a row of nulls, so that every shard arrives at a task.
    """
    titles = read_shards(spark, folder, articles, _TARGET_COLUMNS, "shard int, title string", find_distinct_targets)
    found = titles.join(names, "title").select("shard", "title", "page_id", "names")
    return sort_into_shards(found, len(articles.shards), []).drop("is_marker")


def find_distinct_targets(shard: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The distinct titles that links of a shard lead to in the same wiki: (shard, title)."""
    distinct = pa.array([], pa.string())
    for batch in batches:
        links = batch.column("links").flatten()
        wiki, target = pc.struct_field(links, "wiki"), pc.struct_field(links, "target")
        titles = target.filter(pc.and_(pc.is_null(wiki), pc.not_equal(target, "")))
        distinct = pa.concat_arrays([distinct, titles]).unique()
    shards = pa.repeat(pa.scalar(shard, pa.int32()), len(distinct))
    yield pa.RecordBatch.from_arrays([shards, distinct], names=["shard", "title"])


def augment_shard(
    source: Location, targets: Mapping[str, TargetNames], pivots: Sequence[Pivot], attempts: Mapping[str, Location]
) -> dict[str, ShardReport]:
    """Write the shards of `augmented` and `links` for one shard of `articles`; returns their reports by table."""
    titles = resolve_titles(targets, pivots)
    writers = {
        table.name: ShardWriter(attempts[table.name], source.name, table.schema, _ROW_GROUP_ROWS[table.name])
        for table in (AUGMENTED, LINKS)
    }
    with source.open() as file, writers[AUGMENTED.name] as augmented, writers[LINKS.name] as links:
        for batch in pq.ParquetFile(file).iter_batches(_READ_ROWS):
            rows = batch.filter(pc.is_null(batch.column("redirect_title")))
            named = name_links(rows.column("links"), titles, pivots)
            augmented.write(rows.append_column("entities", build_entities_column(named)))
            links.write(build_links_table(rows.column("page_id"), rows.column("text"), named))
            characters = pc.sum(pc.utf8_length(rows.column("text"))).as_py() or 0
            augmented.counters.update(count_links(named), articles=rows.num_rows, characters=characters)
    return {name: writer.report for name, writer in writers.items()}


def augment_wiki(spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Publish `augmented` and `links` of one wiki, unless they are up to date."""
    pivots = load_pivots(settings.pivots)
    output = Location.of(settings.output_dir)
    folder, articles = find_published(output, ARTICLES, {"wiki": wiki}, "extract")
    names_folder, names = find_published(output, NAMES, {"wiki": wiki}, "align")
    inputs = [table_input(articles), table_input(names)]
    if inputs[0] not in names.inputs:
        raise ConfigurationError(
            f"`names` of {wiki} was made from other `articles` than the published ones: run the stage 'align'"
        )
    publications = {
        table.name: Publication(output, table, {"wiki": wiki}, inputs, {"wiki": wiki, "pivots": settings.pivots})
        for table in (AUGMENTED, LINKS)
    }
    current = [publication.current() for publication in publications.values()]
    if all(manifest is not None for manifest in current):
        return StageResult([manifest for manifest in current if manifest is not None], skipped=True)

    for publication in publications.values():
        publication.begin()
    attempts = {name: publication.attempts for name, publication in publications.items()}

    def augment(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for shard, members in split_by_shard(batches):
            targets = {
                row["title"]: TargetNames(row["page_id"], tuple((n["language"], n["title"], n["source"]) for n in row["names"]))
                for batch in members
                for row in batch.to_pylist()
                if row["title"] is not None
            }
            for name, report in augment_shard(folder / shard_name(shard), targets, pivots, attempts).items():
                yield reports_to_batch([report]).append_column("table", pa.array([name]))

    with show_progress(spark.sparkContext, f"augment {wiki}"):
        size_shuffles(spark, articles.counters["links"])
        frame = read_shards(spark, names_folder, names, ["title", "page_id", "names"], _NAMES_COLUMNS)
        targets = join_targets(spark, folder, articles, frame)
        rows = targets.mapInArrow(augment, f"{REPORT_SCHEMA}, table string").collect()
    reports = {name: [report_from_row(row) for row in rows if row["table"] == name] for name in publications}
    counters = sum_counters(reports[AUGMENTED.name])
    return StageResult([publication.publish(reports[name], counters) for name, publication in publications.items()])


def augment_wikis(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration; returns the exit code."""
    return run_stage("augment", augment_wiki, settings)
