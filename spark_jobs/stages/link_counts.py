"""What became of a wiki's links, by Spark: why they have no name, and what they lead to most often. Only titles, ids and counts
travel."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.common.storage import Location
from spark_jobs.contract.corpus_tables import CorpusTable
from spark_jobs.linking.name_resolution import Pivot
from spark_jobs.linking.unnamed_reasons import TargetFacts, find_target_reason
from spark_jobs.reports.shard_figures import LINK_LEAVES, UNNAMED_SCHEMA, unnamed_links
from spark_jobs.runtime.spark_session import size_shuffles
from spark_jobs.runtime.spark_shards import read_shards
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikis.title_cleaning import clean_name

_NAMES = "title string, page_id long, names array<struct<language: string, title: string, source: string>>"
_PAGES = "page_id long, title string, redirect_title string, redirect_fragment string"


@dataclass(frozen=True)
class LinkedTarget:
    """What links lead to, and how many."""

    title: str
    links: int
    name: str | None = None
    """In the pivot language."""
    reason: str | None = None
    """Why it gives no name."""


@dataclass(frozen=True)
class WikiTables:
    """The tables of one wiki."""

    corpus: Location
    tables: Mapping[str, CorpusTable]
    wiki: str

    def read(self, spark: SparkSession, table: str, columns: Sequence[str], schema: str) -> DataFrame:
        """Columns of a table as a DataFrame."""
        found = self.tables[table]
        return read_shards(spark, self.corpus / found.wiki_folder(self.wiki), found.wikis[self.wiki], columns, schema)


def unnamed_by_reason(
    spark: SparkSession, wiki: WikiTables, pivots: Sequence[Pivot], profile: WikiProfile, most: int
) -> tuple[dict[str, dict[str, int]], dict[str, list[LinkedTarget]]]:
    """Of each pivot, how many links have no name by reason, and the `most` titles that cost most links their name."""
    table = wiki.tables["augmented"]
    manifest = table.wikis[wiki.wiki]
    size_shuffles(spark, manifest.counters.get("links", 0))
    counted = read_shards(
        spark,
        wiki.corpus / table.wiki_folder(wiki.wiki),
        manifest,
        LINK_LEAVES,
        UNNAMED_SCHEMA,
        lambda _, batches: unnamed_links(batches, pivots),
    )
    counted = counted.groupBy("pivot", "reason", "title").agg(F.sum("links").alias("links"))
    names = wiki.read(spark, "names", ["title", "page_id", "names"], _NAMES).select("title", "names")
    pages = wiki.read(spark, "articles", ["page_id", "title", "redirect_title", "redirect_fragment"], _PAGES)
    redirects = pages.where("redirect_title is not null").groupBy("title")
    latest = redirects.agg(F.max(F.struct("page_id", "redirect_title", "redirect_fragment")).alias("page"))
    joined = counted.join(names, "title", "left").join(latest, "title", "left")
    columns = ["pivot", "reason", "title", "links", "names", "page.redirect_title", "page.redirect_fragment"]
    by_language = {pivot.language: pivot for pivot in pivots}

    def tell(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = batch.to_pylist()
            reasons = [
                row["reason"]
                or find_target_reason(
                    row["title"],
                    TargetFacts(row["names"], row["redirect_title"], row["redirect_fragment"]),
                    by_language[row["pivot"]],
                    profile,
                )
                for row in rows
            ]
            kept = [batch.column("pivot"), pa.array(reasons, pa.string()), batch.column("title"), batch.column("links")]
            yield pa.RecordBatch.from_arrays(kept, names=["pivot", "reason", "title", "links"])

    told = joined.select(*columns).mapInArrow(tell, UNNAMED_SCHEMA).persist()
    try:
        sums = told.groupBy("pivot", "reason").agg(F.sum("links").alias("links")).collect()
        worst = {
            pivot.language: told.where((F.col("pivot") == pivot.language) & F.col("title").isNotNull())
            .orderBy(F.desc("links"), "title")
            .limit(most)
            .collect()
            for pivot in pivots
        }
    finally:
        told.unpersist()
    reasons: dict[str, dict[str, int]] = {pivot.language: {} for pivot in pivots}
    for row in sums:
        reasons[row["pivot"]][row["reason"]] = row["links"]
    return reasons, {
        language: [LinkedTarget(row["title"], row["links"], reason=row["reason"]) for row in rows]
        for language, rows in worst.items()
    }


def most_linked(spark: SparkSession, wiki: WikiTables, pivot: Pivot, most: int) -> list[LinkedTarget]:
    """The `most` articles that most links lead to, with their names."""
    links = wiki.tables["links"]
    folder, manifest = wiki.corpus / links.wiki_folder(wiki.wiki), links.wikis[wiki.wiki]
    counted = read_shards(spark, folder, manifest, ["target_page_id"], "page_id long, links long", _count_targets)
    sums = counted.groupBy("page_id").agg(F.sum("links").alias("links")).orderBy(F.desc("links"), "page_id").limit(most)
    counts = {row["page_id"]: row["links"] for row in sums.collect()}
    ids = list(counts)
    pages = wiki.read(spark, "articles", ["page_id", "title", "redirect_title", "redirect_fragment"], _PAGES)
    titles = {row["page_id"]: row["title"] for row in pages.where(F.col("page_id").isin(ids)).collect()}
    names = wiki.read(spark, "names", ["title", "page_id", "names"], _NAMES).where(F.col("page_id").isin(ids)).collect()
    named = {
        row["page_id"]: clean_name(entry["title"], pivot.rules)
        for row in names
        if titles.get(row["page_id"]) == row["title"]
        for entry in row["names"]
        if entry["language"] == pivot.language
    }
    return [LinkedTarget(titles.get(page, f"page {page}"), links, named.get(page)) for page, links in counts.items()]


def _count_targets(_: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        counts = pc.value_counts(batch.column("target_page_id").drop_null())
        columns = [pc.struct_field(counts, "values"), pc.struct_field(counts, "counts")]
        yield pa.RecordBatch.from_arrays(columns, names=["page_id", "links"])
