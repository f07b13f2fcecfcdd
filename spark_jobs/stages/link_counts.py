"""Counts of a wiki's links with Spark: links without a name by reason, and the titles with the most links. Only titles, ids and
counts are shuffled."""

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
from spark_jobs.reports.unnamed_link_counts import LINK_COLUMNS, UNNAMED_COUNTS_SCHEMA, count_unnamed_links
from spark_jobs.reports.wiki_report import LinkedTarget
from spark_jobs.runtime.spark_session import size_shuffles
from spark_jobs.runtime.spark_shards import read_shards
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikis.title_cleaning import clean_name

_NAMES = "title string, page_id long, names array<struct<language: string, title: string, source: string>>"
_PAGES = "page_id long, title string, redirect_title string, redirect_fragment string"


@dataclass(frozen=True)
class WikiTables:
    """The tables of one wiki."""

    corpus: Location
    tables: Mapping[str, CorpusTable]
    wiki: str

    def read(self, spark: SparkSession, table: str, columns: Sequence[str], schema: str) -> DataFrame:
        """Columns of a table as a DataFrame of the Spark `schema`."""
        found = self.tables[table]
        return read_shards(spark, self.corpus / found.wiki_folder(self.wiki), found.wikis[self.wiki], columns, schema)


def count_unnamed_by_reason(
    spark: SparkSession, wiki: WikiTables, pivots: Sequence[Pivot], profile: WikiProfile, limit: int
) -> tuple[dict[str, dict[str, int]], dict[str, list[LinkedTarget]]]:
    """For each pivot, the number of links without a name by reason, and the `limit` titles with the most of these links."""
    table = wiki.tables["augmented"]
    manifest = table.wikis[wiki.wiki]
    size_shuffles(spark, manifest.counters.get("links", 0))
    counted = read_shards(
        spark,
        wiki.corpus / table.wiki_folder(wiki.wiki),
        manifest,
        LINK_COLUMNS,
        UNNAMED_COUNTS_SCHEMA,
        lambda _, batches: count_unnamed_links(batches, pivots),
    )
    counted = counted.groupBy("pivot", "reason", "title").agg(F.sum("links").alias("links"))
    joined = _join_target_facts(spark, wiki, counted)
    by_language = {pivot.language: pivot for pivot in pivots}

    def add_reasons(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
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

    with_reasons = joined.mapInArrow(add_reasons, UNNAMED_COUNTS_SCHEMA).persist()
    try:
        sums = with_reasons.groupBy("pivot", "reason").agg(F.sum("links").alias("links")).collect()
        most_frequent = {
            pivot.language: with_reasons.where((F.col("pivot") == pivot.language) & F.col("title").isNotNull())
            .orderBy(F.desc("links"), "title")
            .limit(limit)
            .collect()
            for pivot in pivots
        }
    finally:
        with_reasons.unpersist()
    reasons: dict[str, dict[str, int]] = {pivot.language: {} for pivot in pivots}
    for row in sums:
        reasons[row["pivot"]][row["reason"]] = row["links"]
    return reasons, {
        language: [LinkedTarget(row["title"], row["links"], reason=row["reason"]) for row in rows]
        for language, rows in most_frequent.items()
    }


def _join_target_facts(spark: SparkSession, wiki: WikiTables, counted: DataFrame) -> DataFrame:
    """Add to counts by title: the names of the title, and the target of its redirect."""
    names = wiki.read(spark, "names", ["title", "page_id", "names"], _NAMES).select("title", "names")
    pages = wiki.read(spark, "articles", ["page_id", "title", "redirect_title", "redirect_fragment"], _PAGES)
    redirects = pages.where("redirect_title is not null").groupBy("title")
    latest = redirects.agg(F.max(F.struct("page_id", "redirect_title", "redirect_fragment")).alias("page"))
    joined = counted.join(names, "title", "left").join(latest, "title", "left")
    return joined.select("pivot", "reason", "title", "links", "names", "page.redirect_title", "page.redirect_fragment")


def find_most_linked(spark: SparkSession, wiki: WikiTables, pivot: Pivot, limit: int) -> list[LinkedTarget]:
    """The `limit` articles with the most links, with their names."""
    links = wiki.tables["links"]
    folder, manifest = wiki.corpus / links.wiki_folder(wiki.wiki), links.wikis[wiki.wiki]
    counted = read_shards(spark, folder, manifest, ["target_page_id"], "page_id long, links long", _count_targets)
    sums = counted.groupBy("page_id").agg(F.sum("links").alias("links")).orderBy(F.desc("links"), "page_id").limit(limit)
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
