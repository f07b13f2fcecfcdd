"""Stage `augment`: `articles` and `names` become `augmented` and `links`.

    spark-submit spark_jobs/augment.py --config conf/corpus/demo.yaml

Text is not shuffled: each shard of `articles` is rewritten where a task reads it. What travels is one row for each distinct
link target of a shard, joined with `names` by title and brought to the task that owns the shard.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.config import CorpusSettings
from spark_jobs.entities import Pivot, Target, pivots_of, resolve_link
from spark_jobs.progress import show_progress
from spark_jobs.publish import Publication, table_input
from spark_jobs.settings import ConfigurationError, command
from spark_jobs.shards import ShardReport, ShardWriter, shard_index, shard_name, sum_counters
from spark_jobs.spark_shards import REPORT_SCHEMA, report_batch, report_of
from spark_jobs.stage import StageResult, published, run_stage
from spark_jobs.storage import Location
from spark_jobs.tables import ARTICLES, AUGMENTED, LINKS, NAMES, Manifest

_ROW_GROUP_ROWS = {AUGMENTED.name: 1000, LINKS.name: 50_000}
_READ_ROWS = 200


def targets_by_shard(spark: SparkSession, folder: Location, articles: Manifest, names: DataFrame) -> DataFrame:
    """What the link targets of each shard of `articles` lead to: (shard, title, page_id, names), a row for each pair.

    Shards without a resolved target have one row of nulls, so that every shard arrives at a task.
    """
    frame = spark.read.parquet(*[(folder / shard.path).uri for shard in articles.shards])
    index = F.regexp_extract(F.input_file_name(), r"part-(\d+)\.parquet", 1).cast("int")
    links = frame.select(index.alias("shard"), F.explode("links").alias("link"))
    titles = (
        links.where("link.wiki is null and link.target != ''").select("shard", F.col("link.target").alias("title")).distinct()
    )
    found = titles.join(names, "title").select("shard", "title", "page_id", "names")
    every = spark.createDataFrame([(shard_index(shard.path),) for shard in articles.shards], "shard int")
    return every.join(found, "shard", "left")


def augment_shard(
    source: Location, targets: Mapping[str, Target], pivots: Sequence[Pivot], attempts: Mapping[str, Location]
) -> dict[str, ShardReport]:
    """Write the `augmented` and `links` shards of one shard of `articles`; reports by table."""
    writers = {
        table.name: ShardWriter(attempts[table.name], source.name, table.schema, _ROW_GROUP_ROWS[table.name])
        for table in (AUGMENTED, LINKS)
    }
    with source.open() as file, writers[AUGMENTED.name] as augmented, writers[LINKS.name] as narrow:
        for batch in pq.ParquetFile(file).iter_batches(_READ_ROWS):
            for article in batch.to_pylist():
                if article["redirect_title"] is not None:
                    continue
                entities, links = _annotate(article, targets, pivots, augmented.counters)
                augmented.write({**article, "entities": entities})
                for link in links:
                    narrow.write(link)
    return {name: writer.report for name, writer in writers.items()}


def _annotate(
    article: Mapping[str, Any], targets: Mapping[str, Target], pivots: Sequence[Pivot], counters: Counter[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The entities of an article and its rows of `links`, in order."""
    entities, links = [], []
    counters["articles"] += 1
    counters["characters"] += len(article["text"])
    for link in article["links"]:
        page_id, names = resolve_link(link, targets, pivots)
        span = {"start": link["start"], "end": link["end"]}
        surface = article["text"][link["start"] : link["end"]]
        links.append({"page_id": article["page_id"], **span, "surface": surface, "target_page_id": page_id, "names": names})
        counters["links"] += 1
        counters["links_with_target"] += page_id is not None
        for name in names:
            counters[f"links_with_name.{name['language']}"] += 1
            counters[f"links_with_name.{name['language']}.{name['source']}"] += 1
        if names:
            entities.append({**span, "target_page_id": page_id, "names": names})
    return entities, links


def run(spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Publish `augmented` and `links` of one wiki, unless they are up to date."""
    pivots = pivots_of(settings.pivots)
    folder, articles = published(settings, ARTICLES, {"wiki": wiki}, "extract")
    names_folder, names = published(settings, NAMES, {"wiki": wiki}, "align")
    inputs = [table_input(articles), table_input(names)]
    if inputs[0] not in names.inputs:
        raise ConfigurationError(
            f"`names` of {wiki} was made from other `articles` than those that are there: run the stage 'align'"
        )
    output = Location.of(settings.output_dir)
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
        rows = (row for batch in batches for row in batch.to_pylist())
        for shard, members in groupby(rows, key=lambda row: row["shard"]):
            targets = {
                row["title"]: Target(row["page_id"], tuple((n["language"], n["title"], n["source"]) for n in row["names"]))
                for row in members
                if row["title"] is not None
            }
            for name, report in augment_shard(folder / shard_name(shard), targets, pivots, attempts).items():
                yield report_batch([report]).append_column("table", pa.array([name]))

    with show_progress(spark.sparkContext, f"augment {wiki}"):
        frame = spark.read.parquet(*[(names_folder / shard.path).uri for shard in names.shards])
        targets = targets_by_shard(spark, folder, articles, frame)
        owned = targets.repartitionById(len(articles.shards), F.col("shard")).sortWithinPartitions("shard")
        rows = owned.mapInArrow(augment, f"{REPORT_SCHEMA}, table string").collect()
    reports = {name: [report_of(row) for row in rows if row["table"] == name] for name in publications}
    counters = sum_counters(reports[AUGMENTED.name])
    return StageResult([publication.publish(reports[name], counters) for name, publication in publications.items()])


def main(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration."""
    return run_stage("augment", run, settings)


if __name__ == "__main__":
    command(CorpusSettings, main, __doc__)
