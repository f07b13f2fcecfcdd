"""One unit of `extract`: a range of a dump's streams in, one shard of `articles` out. Runs in a Spark task, knows no Spark."""

import urllib.parse
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from spark_jobs.dumps.pages import Page, PageError, RawPage, parse_page, split_pages
from spark_jobs.dumps.streams import Chunk, StreamError, read_streams, read_whole
from spark_jobs.shards import ShardReport, ShardWriter, shard_name
from spark_jobs.storage import Location
from spark_jobs.tables import ARTICLES
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikitext import Options, WikitextError, extract, normalise_title, parse_redirect

_ROW_GROUP_ROWS = 1000
_WIKITEXT = "wikitext"
_ACCOUNT = ("pages", "other_namespaces", "articles", "redirects", "rejected_pages", "disambiguations", "links", "characters")


@dataclass(frozen=True)
class Unit:
    """A run of streams of one dump file, and the shard that it becomes.

    `boundaries` are the offsets of the unit's bz2 streams and of some that follow, so that a page that runs over `end` can
    be finished, and last where these end; empty for a file that is read as a whole.
    """

    index: int
    file: Location
    end: int
    boundaries: tuple[int, ...]


@dataclass(frozen=True)
class ExtractJob:
    """What all units of a wiki share."""

    profile: WikiProfile
    base: str
    """Address of the wiki's main page, from siteinfo."""
    mode: Literal["FAILFAST", "PERMISSIVE"]
    options: Options
    attempts: Location


@dataclass(frozen=True)
class UnitReport:
    """What a unit gave: its shard, the pages that were not emitted, and counts of both."""

    file: str
    shard: ShardReport
    rejects: tuple[dict[str, Any], ...]
    counters: Counter[str]


class ExtractError(RuntimeError):
    """A bad page or stream in mode FAILFAST; the message says where it is and what can be done."""


def extract_unit(unit: Unit, job: ExtractJob) -> UnitReport:
    """Read the unit's pages and write the articles among them.

    Every `<page>` of the unit becomes one of: a row, a page of another namespace (counted), a reject. Raises `ExtractError`
    for the first bad page or stream in mode FAILFAST.
    """
    counters: Counter[str] = Counter()
    rejects: list[dict[str, Any]] = []

    def reject(stage: str, reason: str, raw: RawPage | None, offset: int, page: Page | None = None) -> None:
        row = {
            "unit": "stream" if raw is None else "page",
            "file": unit.file.name,
            "stream_offset": offset,
            "page_offset": None if raw is None else raw.page_offset,
            "page_id": None if page is None else page.page_id,
            "title": None if page is None else page.title,
            "stage": stage,
            "reason": reason,
        }
        if job.mode == "FAILFAST":
            raise ExtractError(_explain(row))
        rejects.append(row)

    def reject_stream(error: StreamError) -> None:
        if error.offset < unit.end:  # a stream further on is reported by the unit that owns it
            reject("decompress", error.reason, None, error.offset)

    with unit.file.open() as file, ShardWriter(job.attempts, shard_name(unit.index), ARTICLES.schema, _ROW_GROUP_ROWS) as writer:
        for raw in raw_pages(file, unit, reject_stream):
            counters["pages"] += 1
            page: Page | None = None
            try:
                if not raw.is_complete:
                    raise PageError("<page> has no end: the dump is cut here, or the stream that holds the rest cannot be read")
                page = parse_page(raw.xml)
                if page.namespace != 0:
                    counters["other_namespaces"] += 1
                    continue
                row = article_row(page, job, counters)
            except PageError as error:
                reject("xml", str(error), raw, raw.stream_offset, page)
            except WikitextError as error:
                reject("wikitext", str(error), raw, raw.stream_offset, page)
            else:
                writer.write(row)
    counters["rejected_pages"] = sum(row["unit"] == "page" for row in rejects)
    return UnitReport(unit.file.name, writer.report, tuple(rejects), counters)


def raw_pages(file: BinaryIO, unit: Unit, report: Callable[[StreamError], None]) -> Iterator[RawPage]:
    """The pages that start in the unit's streams. An unreadable stream goes to `report`; reading goes on with the next one.

    What is lost with a bad stream: its pages from the first unreadable byte on, and the rest of a page that began before it
    (given as incomplete). Of a file that is read as a whole, everything after the fault.
    """
    boundaries = list(unit.boundaries)
    while True:
        chunks = read_streams(file, boundaries) if unit.boundaries else read_whole(file, unit.file.name)
        failed: list[StreamError] = []
        yield from split_pages(_until_error(chunks, failed), unit.end if unit.boundaries else None)
        if not failed:
            return
        report(failed[0])
        boundaries = boundaries[bisect_right(boundaries, failed[0].offset) :]
        if len(boundaries) < 2 or boundaries[0] >= unit.end:
            return


def _until_error(chunks: Iterator[Chunk], failed: list[StreamError]) -> Iterator[Chunk]:
    """The chunks before the first unreadable stream; its error is put into `failed`."""
    try:
        yield from chunks
    except StreamError as error:
        failed.append(error)


def article_row(page: Page, job: ExtractJob, counters: Counter[str]) -> dict[str, Any]:
    """The row of `articles` for a page of the main namespace.

    Raises `PageError` when it holds no wikitext and `WikitextError` when it is over the work budget.
    """
    if page.model != _WIKITEXT:
        raise PageError(f"content model {page.model!r} is not {_WIKITEXT!r}")
    row: dict[str, Any] = {
        "page_id": page.page_id,
        "revision_id": page.revision_id,
        "timestamp": page.timestamp,
        "title": page.title,
        "url": page_url(job.base, page.title),
        "redirect_title": None,
        "redirect_fragment": None,
        "is_disambiguation": False,
        "text": "",
        "sections": [],
        "links": [],
    }
    if page.redirect is not None or parse_redirect(page.text, job.profile) is not None:
        row["redirect_title"], row["redirect_fragment"] = _redirect(page, job.profile)
        counters["redirects"] += 1
        return row
    extraction = extract(page.text, job.profile, job.options)
    row["text"] = extraction.text
    row["is_disambiguation"] = not job.profile.disambiguation_templates.isdisjoint(extraction.templates)
    row["sections"] = [{"level": s.level, "title": s.title, "start": s.start, "end": s.end} for s in extraction.sections]
    row["links"] = [
        {
            "start": link.start,
            "end": link.end,
            "kind": link.kind,
            "wiki": link.wiki,
            "target": link.target,
            "fragment": link.fragment,
            "names": [{"language": language, "title": title} for language, title in sorted(link.names.items())],
        }
        for link in extraction.links
    ]
    counters["articles"] += 1
    counters["disambiguations"] += row["is_disambiguation"]
    counters["links"] += len(row["links"])
    counters["characters"] += len(row["text"])
    return row


def _redirect(page: Page, profile: WikiProfile) -> tuple[str, str | None]:
    """Where a redirect points: the page's own text knows the fragment, `<redirect title>` is what MediaWiki resolved."""
    own = parse_redirect(page.text, profile)
    if page.redirect is None:
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
