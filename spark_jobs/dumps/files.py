"""Which files of a folder make up the dump of a wiki: a pure function of file names.

Wikimedia names a dump's files `{wiki}-{date}-{what}.{ending}`, large ones in parts:

    jawiki-20240101-pages-articles-multistream.xml.bz2
    enwiki-20240101-pages-articles-multistream1.xml-p1p41242.bz2
    jawiki-20240101-langlinks.sql.gz
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_NAME = re.compile(
    r"(?P<wiki>[a-z][a-z0-9_]*)-(?P<date>\d{8})-(?:"
    r"pages-articles(?P<multistream>-multistream)?(?P<part>\d*)\.xml(?:-p(?P<first>\d+)p(?P<last>\d+))?(?P<codec>\.bz2|\.gz|\.xz|)"
    r"|(?P<table>langlinks)\.sql(?:\.gz|)"
    r")"
)
# Best first: the streams of bz2 files can be read in parallel.
_CODECS = (".bz2", "", ".gz", ".xz")


class DumpError(ValueError):
    """A folder does not hold what a wiki's build needs, or holds it twice; the message says what was looked for and found."""


@dataclass(frozen=True)
class Dump:
    """The files of one wiki's dump of one day, as paths relative to the folder that was listed."""

    wiki: str
    date: str
    pages: tuple[str, ...]
    langlinks: str
    missing: str | None = None
    """What the numbered parts leave out, in words; None for a whole dump. Parts after the last one cannot be noticed."""


def find_dump(paths: Iterable[str], wiki: str, date: str | None = None) -> Dump:
    """Choose the files of `wiki` among `paths` (relative, `/`-separated, in any folder): the newest complete day.

    A day is complete when it has pages-articles XML and langlinks SQL. Among the forms of one day a multistream one comes
    before others, a whole file before parts, and bz2 before plain, gz and xz. Parts are ordered by their first page id.

    >>> find_dump(["jawiki-20240101-pages-articles.xml.bz2", "jawiki-20240101-langlinks.sql.gz"], "jawiki").pages
    ('jawiki-20240101-pages-articles.xml.bz2',)

    Raises `DumpError` when there is none, naming what is missing, and when a chosen file lies in two folders.
    """
    pages: dict[str, dict[tuple[bool, bool, int], list[_Part]]] = {}
    langlinks: dict[str, list[str]] = {}
    for path in sorted(paths):
        match = _NAME.fullmatch(path.rpartition("/")[2])
        if match is None or match["wiki"] != wiki or (date is not None and match["date"] != date):
            continue
        if match["table"]:
            langlinks.setdefault(match["date"], []).append(path)
            continue
        is_part = bool(match["part"]) or match["first"] is not None
        form = (match["multistream"] is None, is_part, _CODECS.index(match["codec"]))
        part = _Part(int(match["first"] or 0), int(match["last"] or 0), int(match["part"] or 0), path)
        pages.setdefault(match["date"], {}).setdefault(form, []).append(part)
    complete = sorted(pages.keys() & langlinks.keys())
    if not complete:
        raise DumpError(_what_is_missing(wiki, date, sorted(pages), sorted(langlinks)))
    day = complete[-1]
    form = min(pages[day])
    parts = sorted(pages[day][form])
    _refuse_twice([part.path for part in parts])
    _refuse_twice(langlinks[day])
    missing = _gaps(parts) if form[1] else None
    return Dump(wiki, day, tuple(part.path for part in parts), langlinks[day][0], missing)


class _Part(NamedTuple):
    first: int
    """First and last page id, 0 where the name has none."""
    last: int
    number: int
    path: str


def _gaps(parts: Sequence[_Part]) -> str | None:
    if parts[0].first == 0:
        absent = sorted(set(range(1, parts[-1].number)) - {part.number for part in parts})
        return f"part {', '.join(map(str, absent))}" if absent else None
    ends = [0, *(part.last for part in parts)]
    gaps = [f"{end + 1} to {part.first - 1}" for end, part in zip(ends, parts, strict=False) if part.first > end + 1]
    return f"page ids {', '.join(gaps)}" if gaps else None


def _refuse_twice(paths: Sequence[str]) -> None:
    names: dict[str, str] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        if name in names:
            raise DumpError(f"{name} is there twice, as {names[name]} and {path}: remove one, or point dumps_dir to one folder")
        names[name] = path
    wholes = [path for path in paths if path.endswith((".sql", ".sql.gz"))]
    if len(wholes) > 1:
        raise DumpError(f"{wholes[0]} and {wholes[1]} are the same table: remove one")


def _what_is_missing(wiki: str, date: str | None, pages: list[str], langlinks: list[str]) -> str:
    day = date or "DATE"
    wanted = f"{wiki}-{day}-pages-articles[-multistream].xml[.bz2|.gz|.xz] and {wiki}-{day}-langlinks.sql[.gz] of the same day"
    found = f"pages of {', '.join(pages) or 'no day'}; langlinks of {', '.join(langlinks) or 'no day'}"
    return f"no complete dump of {wiki}: looked for {wanted}; found {found}"
