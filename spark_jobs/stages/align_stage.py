"""Stage `align`: `articles` and the SQL table of langlinks become `names`."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.common.wiki_languages import codes_of, wiki_of_language
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.table_schemas import ARTICLES, NAMES
from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.sql.table_reader import read_rows
from spark_jobs.extraction.dump_location import list_dumps, locate_dump
from spark_jobs.linking.langlink_names import build_names_rows
from spark_jobs.publishing.input_changes import require_unchanged
from spark_jobs.publishing.publication import Publication, table_input
from spark_jobs.publishing.published_tables import find_published
from spark_jobs.publishing.shard_writer import ShardReport, sum_counters
from spark_jobs.runtime.job_progress import show_progress
from spark_jobs.runtime.spark_session import size_shuffles
from spark_jobs.runtime.spark_shards import read_shards, write_shards
from spark_jobs.stages.redirect_chains import resolve_redirects
from spark_jobs.stages.stage_runs import StageResult, run_stage

_ROWS_PER_SHARD = 500_000
_ROW_GROUP_ROWS = 20_000
# Categories, templates and portals have langlinks as well. In the wikis examined, a third to nearly all belong to articles.
_MIN_JOINED = 0.2
_PAGE_COLUMNS = ["page_id", "title", "redirect_title", "redirect_fragment"]
_PAGE_SCHEMA = "page_id long, title string, redirect_title string, redirect_fragment string"
_LANGLINK_COLUMNS = ["ll_from", "ll_lang", "ll_title"]


def read_langlinks(spark: SparkSession, file: Location, pivots: list[str]) -> DataFrame:
    """The usable langlinks into the pivot languages: (page_id, language, title).

    Titles that are empty or point at a section (`#`) are left out. Codes of the same wiki (`nb` and `no`) count as one language.
    """
    pivot_of_wiki = {wiki: pivot for pivot in pivots if (wiki := wiki_of_language(pivot)) is not None}
    where = {"ll_lang": [code for wiki in pivot_of_wiki for code in codes_of(wiki)]}

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            with file.open() as opened:
                for rows in read_rows(open_decompressed(opened, file.name), file.name, _LANGLINK_COLUMNS, where):
                    languages = [pivot_of_wiki[wiki_of_language(code) or ""] for code in rows.column("ll_lang").to_pylist()]
                    yield pa.RecordBatch.from_arrays(
                        [rows.column("ll_from"), pa.array(languages, pa.string()), rows.column("ll_title")],
                        names=["page_id", "language", "title"],
                    )

    one_task = spark.range(1, numPartitions=1)
    links = one_task.mapInArrow(read, "page_id long, language string, title string")
    links = links.withColumn("title", F.trim(F.replace("title", F.lit("_"), F.lit(" "))))
    return links.where("title != '' and not contains(title, '#')")


def one_page_per_title(pages: DataFrame) -> DataFrame:
    """For each title, the page with the largest id: a page that is moved while a dump is made can occur twice in it."""
    latest = pages.groupBy("title").agg(F.max(F.struct(*_PAGE_COLUMNS)).alias("page"))
    return latest.select(*(f"page.{column}" for column in _PAGE_COLUMNS))


def join_langlinks(rows: DataFrame, langlinks: DataFrame) -> DataFrame:
    """Pages (`_PAGE_COLUMNS`) with the column `own`, an array of their langlinks; null if they have none.

    Langlinks of pages that are missing in the dump are kept with a null title, so that all langlinks are counted.
    """
    entries = F.collect_list(F.struct("language", "title"))  # in any order; `merge_langlinks` does not depend on it
    own = langlinks.groupBy("page_id").agg(entries.alias("own"))
    return one_page_per_title(rows).join(own, "page_id", "full")


def join_redirect_targets(pages: DataFrame) -> DataFrame:
    """Add the article behind each redirect, with its langlinks (`behind`); input from `join_langlinks`, output for
    `build_names_rows`."""
    article_columns = F.col("page_id").alias("article_id"), F.col("own").alias("behind")
    titles = pages.where("title is not null").select("*", *article_columns)
    behind = resolve_redirects(titles, ["article_id", "behind"]).drop("target")
    marked = pages.withColumn("is_redirect", F.col("redirect_title").isNotNull()).drop("redirect_title", "redirect_fragment")
    return marked.join(behind, "title", "left")


def align_wiki(spark: SparkSession, settings: CorpusSettings, wiki: str, files: Sequence[str] | None = None) -> StageResult:
    """Publish `names` of one wiki, unless it is up to date; `files` as for `locate_dump`."""
    folder, dump = locate_dump(settings, wiki, files)
    output = Location.of(settings.output_dir)
    articles_folder, articles = find_published(output, ARTICLES, {"wiki": wiki}, "extract")
    dump_files = [entry["name"] for entry in articles.inputs]
    if dump_files != [path.rpartition("/")[2] for path in dump.pages]:
        raise ConfigurationError(
            f"`articles` of {wiki} was made from {', '.join(dump_files)}, but the dump chosen now has the date {dump.date}: "
            "run the stage 'extract', or choose the date with --set date=..."
        )
    langlinks_file = folder / dump.langlinks
    with require_unchanged([langlinks_file]):
        inputs = [
            table_input(articles),
            {"name": langlinks_file.name, "bytes": langlinks_file.size(), "sha256": langlinks_file.sha256()},
        ]
        configuration = {"wiki": wiki, "pivots": settings.pivots}
        publication = Publication(output, NAMES, {"wiki": wiki}, inputs, configuration)
        if (current := publication.current()) is not None:
            return StageResult([current], skipped=True)

        publication.begin()
        with show_progress(spark.sparkContext, f"align {wiki}"):
            rows = read_shards(spark, articles_folder, articles, _PAGE_COLUMNS, _PAGE_SCHEMA)
            size_shuffles(spark, articles.rows)
            langlinks = read_langlinks(spark, langlinks_file, settings.pivots)
            reports, counters = write_names(rows, langlinks, articles.rows, publication.attempts)
    if counters["langlinks_of_articles"] < _MIN_JOINED * counters["langlinks"]:
        console.print(
            f"  WARNING: of {counters['langlinks']:,} langlinks in {langlinks_file.name} only "
            f"{counters['langlinks_of_articles']:,} belong to articles of this dump, where at least {_MIN_JOINED:.0%} are "
            "expected: is it the table of this wiki and day, and is the dump complete?",
            style="bold red",
        )
    return StageResult([publication.publish(reports, counters)])


def write_names(rows: DataFrame, langlinks: DataFrame, size: int, attempts: Location) -> tuple[list[ShardReport], dict[str, int]]:
    """Write `names` for the `size` rows of `articles`; returns the shards and the counters of all rows that arrived."""
    shards = max(1, -(-size // _ROWS_PER_SHARD))
    # Langlinks without a title are dropped in the shard that they arrive in, after they are counted.
    shard = F.pmod(F.xxhash64(F.coalesce("title", F.col("page_id").cast("string"))), F.lit(shards)).cast("int")
    pages = join_langlinks(rows, langlinks).persist()
    try:
        sharded = join_redirect_targets(pages).withColumn("shard", shard)
        reports = write_shards(sharded, shards, ["title"], attempts, NAMES.schema, _ROW_GROUP_ROWS, build_names_rows)
    finally:
        pages.unpersist()
    counters = sum_counters(reports)
    return reports, {
        "langlinks": counters["langlinks"],
        "langlinks_of_articles": counters["langlinks_of_articles"],
        "titles": sum(report.rows for report in reports),
        "repeated_titles": size - counters["distinct_titles"],
    }


def align_wikis(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration; returns the exit code."""
    return run_stage("align", partial(align_wiki, files=list_dumps(settings)), settings)
