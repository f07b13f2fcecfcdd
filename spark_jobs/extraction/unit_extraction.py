"""One unit of `extract`: a range of a dump's streams in, shards of `articles` out. Runs in a Spark task, knows no Spark."""

import gc
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from spark_jobs.common.storage import Location
from spark_jobs.contract.table_schemas import ARTICLES
from spark_jobs.dumps.stream_decompression import StreamError
from spark_jobs.dumps.multistream_index import BadStream
from spark_jobs.dumps.page_cutting import HistoryError, Page, PageError, RawPage, name_page, parse_page, read_pages
from spark_jobs.extraction.article_columns import Article, to_table
from spark_jobs.publishing.shard_files import RollingWriter, ShardReport, shard_name
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikitext import Options, WikitextError, extract, normalise_title, parse_redirect

_ROW_GROUP_ROWS = 1000
_WIKITEXT = "wikitext"
_ACCOUNT = (
    *("pages", "other_namespaces", "articles", "redirects", "rejected_pages", "disambiguations"),
    *("links", "characters", "wikitext_characters"),
)


@dataclass(frozen=True)
class Unit:
    """A run of streams of one dump file, or a file that only one task can read.

    `boundaries` are the offsets of the unit's bz2 streams and of some that follow, so that a page that runs over `end` can
    be finished, and last where these end; empty for a file that is read as a whole.
    """

    index: int
    file: Location
    end: int
    boundaries: tuple[int, ...]
    xml_bytes_per_shard: int | None = None
    """Bytes of page XML after which the next shard begins; None: the unit is one shard."""


@dataclass(frozen=True)
class ExtractJob:
    """What all units of a wiki share."""

    profile: WikiProfile
    base: str
    """Address of the wiki's main page, from siteinfo."""
    mode: Literal["FAILFAST", "PERMISSIVE"]
    options: Options
    attempts: Location
    disambiguations: frozenset[int] | None = None
    """Ids of disambiguation pages, where page_props says; None: the templates on a page tell."""
    namespaces: Mapping[str, int] | None = None
    """Name -> number, from siteinfo: for export versions up to 0.5, whose pages name no namespace. None: such pages are bad."""


@dataclass(frozen=True)
class UnitReport:
    """What a unit gave: its shards, the pages that were not emitted, counts of both, and the streams that could not be read."""

    file: str
    shards: tuple[ShardReport, ...]
    rejects: tuple[dict[str, Any], ...]
    counters: Counter[str]
    bad_streams: tuple[BadStream, ...] = ()
    """With the pages that were read from them all the same. None for a file of one stream, which no index describes."""


class ExtractError(RuntimeError):
    """A bad page or stream in mode FAILFAST, or a dump of histories; the message says where it is and what can be done."""


def extract_unit(unit: Unit, job: ExtractJob) -> UnitReport:
    """Read the unit's pages and write the articles among them.

    Every `<page>` of the unit becomes one of: a row, a page of another namespace (counted), a reject. Raises `ExtractError`
    for the first bad page or stream in mode FAILFAST, and in every mode for the first page with several revisions: all pages
    of such a dump would be rejects.
    """
    counters: Counter[str] = Counter()
    articles: list[Article] = []
    streams = _StreamLog(unit.boundaries)
    rejects = _Rejects(unit, job.mode, streams)
    shard = (job.attempts, shard_name(unit.index), ARTICLES.schema, _ROW_GROUP_ROWS)
    xml_bytes = 0  # of the pages in the present shard
    with unit.file.open() as file, RollingWriter(*shard) as writer, _collector_at_rest():
        for raw in _refuse_histories(read_pages(file, unit.file.name, unit.boundaries, unit.end, rejects.add_stream), unit):
            if unit.xml_bytes_per_shard is not None and xml_bytes >= unit.xml_bytes_per_shard:
                writer.write(to_table(articles))
                writer.roll()
                articles, xml_bytes = [], 0
            xml_bytes += len(raw.xml)
            counters["pages"] += 1
            streams.note_page(raw)
            if (article := _read_page(raw, unit, job, counters, rejects)) is not None:
                articles.append(article)
            if len(articles) == _ROW_GROUP_ROWS:
                writer.write(to_table(articles))
                articles = []
                gc.collect()
        writer.write(to_table(articles))
    counters["rejected_pages"] = sum(row["unit"] == "page" for row in rejects.rows)
    return UnitReport(unit.file.name, tuple(writer.reports), tuple(rejects.rows), counters, tuple(streams.bad))


def _read_page(raw: RawPage, unit: Unit, job: ExtractJob, counters: Counter[str], rejects: "_Rejects") -> Article | None:
    """The row of a page; None where it is of another namespace, which is counted, or a reject."""
    page: Page | None = None
    try:
        if raw.problem is not None:
            raise PageError(raw.problem)
        page = parse_page(raw.xml, job.namespaces)
        if page.namespace == 0:
            return article_of(page, job, counters)
        counters["other_namespaces"] += 1
    except HistoryError as error:
        raise _no_history(unit, error) from error
    except PageError as error:
        rejects.add_page("xml", error, raw, page)
    except WikitextError as error:
        rejects.add_page(_WIKITEXT, error, raw, page)
    return None


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Python's cyclic collector off: it would visit the links of a thousand pages again and again, for a seventh of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Rejects:
    """Rows of `rejects`, as they come in mode PERMISSIVE; in FAILFAST the first one is an `ExtractError` instead."""

    def __init__(self, unit: Unit, mode: str, streams: "_StreamLog") -> None:
        self.rows: list[dict[str, Any]] = []
        self._unit = unit
        self._mode = mode
        self._streams = streams

    def add_page(self, stage: str, error: Exception, raw: RawPage, page: Page | None) -> None:
        page_id, title = name_page(raw.xml) if page is None else (page.page_id, page.title)
        place = {"stream_offset": raw.stream_offset, "page_offset": raw.page_offset, "page_id": page_id, "title": title}
        self._add("page", place, stage, str(error))

    def add_stream(self, error: StreamError) -> None:
        # A stream further on is reported by the unit that owns it. (An empty file has no byte before its end.)
        if self._unit.boundaries and error.offset >= self._unit.end:
            return
        self._streams.note_bad(error.offset)
        place = {"stream_offset": error.offset, "page_offset": None, "page_id": None, "title": None}
        self._add("stream", place, "decompress", error.reason)

    def _add(self, kind: str, place: dict[str, Any], stage: str, reason: str) -> None:
        row = {"unit": kind, "file": self._unit.file.name, **place, "stage": stage, "reason": reason}
        if self._mode == "FAILFAST":
            raise ExtractError(_explain(row))
        self.rows.append(row)


class _StreamLog:
    """The bad streams of a unit, and the ids of the pages that were read from them before the fault."""

    def __init__(self, boundaries: Sequence[int]) -> None:
        self.bad: list[BadStream] = []
        self._boundaries = boundaries if len(boundaries) > 2 else ()  # one stream may hold a whole wiki, and has no index
        self._offset = -1
        self._seen: list[int | None] = []  # of the stream that is being read; None for an id that cannot be read

    def note_page(self, raw: RawPage) -> None:
        if not self._boundaries:
            return
        if raw.stream_offset != self._offset:
            self._offset, self._seen = raw.stream_offset, []
        self._seen.append(name_page(raw.xml)[0])

    def note_bad(self, offset: int) -> None:
        if self._boundaries:
            end = next((boundary for boundary in self._boundaries if boundary > offset), self._boundaries[-1])
            seen = self._seen if offset == self._offset else []
            self.bad.append(BadStream(offset, end, frozenset(page for page in seen if page is not None), seen.count(None)))


def _refuse_histories(pages: Iterator[RawPage], unit: Unit) -> Iterator[RawPage]:
    """The pages, up to one that is too long to be read because it is a history."""
    try:
        yield from pages
    except HistoryError as error:
        raise _no_history(unit, error) from error


def _no_history(unit: Unit, error: HistoryError) -> ExtractError:
    return ExtractError(f"{unit.file.name}: {error}")


def article_of(page: Page, job: ExtractJob, counters: Counter[str]) -> Article:
    """The row of `articles` for a page of the main namespace.

    Raises `PageError` when it holds no wikitext and `WikitextError` when it is over the work budget.
    """
    if page.model != _WIKITEXT:
        raise PageError(f"content model {page.model!r} is not {_WIKITEXT!r}")
    article = Article(page.page_id, page.revision_id, page.timestamp, page.title, page_url(job.base, page.title))
    if page.redirect is not None or parse_redirect(page.text, job.profile) is not None:
        counters["redirects"] += 1
        title, fragment = _redirect(page, job.profile)
        return article._replace(redirect_title=title, redirect_fragment=fragment)
    extraction = extract(page.text, job.profile, job.options)
    if job.disambiguations is None:
        is_disambiguation = not job.profile.disambiguation_templates.isdisjoint(extraction.templates)
    else:
        is_disambiguation = page.page_id in job.disambiguations
    counters["articles"] += 1
    counters["disambiguations"] += is_disambiguation
    counters["links"] += len(extraction.links)
    counters["characters"] += len(extraction.text)
    counters["wikitext_characters"] += len(page.text)
    return article._replace(
        is_disambiguation=is_disambiguation, text=extraction.text, sections=extraction.sections, links=extraction.links
    )


def _redirect(page: Page, profile: WikiProfile) -> tuple[str, str | None]:
    """Where a redirect points: the page's own text knows the fragment, `<redirect title>` is what MediaWiki resolved."""
    own = parse_redirect(page.text, profile)
    if not page.redirect:  # old exports say that it is one, not where to
        return (own.target, own.fragment) if own is not None else ("", None)
    title = normalise_title(page.redirect, profile)
    if title is None or title.wiki is not None:  # of another wiki: kept as it is written, which is no title of this one
        return page.redirect, None
    fragment = title.fragment or (own.fragment if own is not None and own.target == title.text else None)
    return title.text, fragment


def page_url(base: str, title: str) -> str:
    """Address of a page, from the address of the wiki's main page.

    >>> page_url("https://en.wikipedia.org/wiki/Main_Page", "AC/DC & friends")
    'https://en.wikipedia.org/wiki/AC/DC_%26_friends'
    """
    path = urllib.parse.quote(title.replace(" ", "_"), safe="/:@!$()*,;~-_.")
    return f"{base.rpartition('/')[0]}/{path}"


def _explain(row: dict[str, Any]) -> str:
    where = f"{row['file']}, stream at compressed byte {row['stream_offset']}"
    if row["page_offset"] is not None:
        where += f", <page> at byte {row['page_offset']} of it"
    if row["title"] is not None:
        where += f" (page {row['page_id']}, {row['title']!r})"
    return (
        f"{where}: {row['stage']}: {row['reason']}. To go on without it: --set mode=PERMISSIVE puts it into the table `rejects`"
    )


def account_of(reports: Sequence[UnitReport]) -> Counter[str]:
    """The counts of all units; `pages = other_namespaces + rows + rejected_pages` must hold and is checked at publishing."""
    total = Counter(dict.fromkeys(_ACCOUNT, 0))
    for report in reports:
        total.update(report.counters)
    return total
