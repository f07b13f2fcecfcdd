"""The work of one task of `extract`: a range of a dump's streams in, shards of `articles` out."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from spark_jobs.contract.table_schemas import ARTICLES
from spark_jobs.dumps.dump_pages import read_pages
from spark_jobs.dumps.page_cutting import RawPage
from spark_jobs.dumps.page_errors import HistoryError, PageError
from spark_jobs.dumps.page_parsing import PageRevision, parse_page
from spark_jobs.extraction.article_columns import Article, articles_to_table
from spark_jobs.extraction.article_rows import WIKITEXT, make_article
from spark_jobs.extraction.extract_job import DumpUnit, ExtractJob, UnitReport
from spark_jobs.extraction.rejected_pages import RejectCollector, make_history_error
from spark_jobs.publishing.shard_writer import RollingWriter, shard_name
from spark_jobs.wikitext import WikitextError

_ROW_GROUP_ROWS = 1000


def extract_unit(unit: DumpUnit, job: ExtractJob) -> UnitReport:
    """Read the unit's pages and write the articles among them.

    Every `<page>` of the unit becomes one of: a row, a page of another namespace (counted), a reject. Raises `ExtractError`
    for the first bad page or stream in mode FAILFAST, and in every mode for the first page with several revisions: all pages
    of a dump of histories would be rejects.
    """
    counters: Counter[str] = Counter()
    articles: list[Article] = []
    rejects = RejectCollector(unit, job.mode)
    shard = (job.attempts, shard_name(unit.index), ARTICLES.schema, _ROW_GROUP_ROWS)
    xml_bytes = 0  # of the pages in the current shard
    with unit.file.open() as file, RollingWriter(*shard) as writer, _garbage_collector_off():
        for raw in _refuse_histories(read_pages(file, unit.file.name, unit.boundaries, unit.end, rejects.add_stream), unit):
            if unit.xml_bytes_per_shard is not None and xml_bytes >= unit.xml_bytes_per_shard:
                writer.write(articles_to_table(articles))
                writer.roll()
                articles, xml_bytes = [], 0
            xml_bytes += len(raw.xml)
            counters["pages"] += 1
            rejects.streams.note_page(raw)
            if (article := _read_page(raw, unit, job, counters, rejects)) is not None:
                articles.append(article)
            if len(articles) == _ROW_GROUP_ROWS:
                writer.write(articles_to_table(articles))
                articles = []
                gc.collect()
        writer.write(articles_to_table(articles))
    counters["rejected_pages"] = sum(row["unit"] == "page" for row in rejects.rows)
    return UnitReport(unit.file.name, tuple(writer.reports), tuple(rejects.rows), counters, tuple(rejects.streams.damaged))


def _read_page(raw: RawPage, unit: DumpUnit, job: ExtractJob, counters: Counter[str], rejects: RejectCollector) -> Article | None:
    """The row of a page; None if it is a reject or of another namespace, which is counted."""
    page: PageRevision | None = None
    try:
        if raw.problem is not None:
            raise PageError(raw.problem)
        page = parse_page(raw.xml, job.namespaces)
        if page.namespace == 0:
            return make_article(page, job, counters)
        counters["other_namespaces"] += 1
    except HistoryError as error:
        raise make_history_error(unit, error) from error
    except PageError as error:
        rejects.add_page("xml", error, raw, page)
    except WikitextError as error:
        rejects.add_page(WIKITEXT, error, raw, page)
    return None


@contextmanager
def _garbage_collector_off() -> Iterator[None]:
    """Python's cyclic collector off: it would visit the links of a thousand pages repeatedly, a seventh of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _refuse_histories(pages: Iterator[RawPage], unit: DumpUnit) -> Iterator[RawPage]:
    """The pages; raises `ExtractError` at one that is too long to be read because it holds a history."""
    try:
        yield from pages
    except HistoryError as error:
        raise make_history_error(unit, error) from error
