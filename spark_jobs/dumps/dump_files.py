"""Chooses the files that make up the dump of a wiki: a pure function of file names.

Wikimedia names a dump's files `{wiki}-{date}-{what}.{ending}`, large ones in parts:

    jawiki-20240101-pages-articles-multistream.xml.bz2
    enwiki-20240101-pages-articles-multistream1.xml-p1p41242.bz2
    jawiki-20240101-langlinks.sql.gz
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_NAME = re.compile(
    r"(?P<wiki>[a-z][a-z0-9_]*)-(?P<date>[0-9]{8})-(?:"
    r"pages-(?P<content>articles|meta-current)(?P<multistream>-multistream)?(?P<part>[0-9]*)"
    r"\.xml(?:-p(?P<first>[0-9]+)p(?P<last>[0-9]+))?(?P<codec>\.bz2|\.gz|\.xz|\.zst|)"
    r"|(?P<table>langlinks|page|redirect|page_props)\.sql(?:\.gz|\.bz2|)"
    r"|(?P<siteinfo>siteinfo-namespaces)\.json(?:\.gz|)"
    r"|(?P<history>pages-meta-history[0-9]*\.xml).*"
    r")"
)
# Best first: bz2 streams are read in parallel, and pages-articles leaves out talk pages.
_CONTENTS = ("articles", "meta-current")
_CODECS = (".bz2", "", ".gz", ".zst", ".xz")
LANGLINKS = "langlinks"
OPTIONAL = ("page", "redirect", "page_props", "siteinfo-namespaces")
"""Files that a build uses if they are present, as their names spell them."""


class DumpError(ValueError):
    """A folder lacks a file that a wiki's build needs, or holds it twice; the message names the files wanted and found."""


@dataclass(frozen=True)
class Dump:
    """The files of one wiki's dump of one day, as paths relative to the folder that was listed."""

    wiki: str
    date: str
    pages: tuple[str, ...]
    langlinks: str
    missing: str | None = None
    """The missing parts or page ids; None for a whole dump. Missing parts after the last one cannot be noticed."""
    optional: Mapping[str, str] = field(default_factory=dict)
    """The files of `OPTIONAL` that are present: name -> path."""


def find_dump(paths: Iterable[str], wiki: str, date: str | None = None) -> Dump:
    """Choose the files of `wiki` among `paths` (relative, `/`-separated, in any folder): the newest complete day.

    A day is complete when it has XML of current pages and langlinks SQL. Among the forms of one day pages-articles comes before
    pages-meta-current, a multistream one before others, a whole file before parts, and bz2 before plain, gz, zst and xz. Parts
    are ordered by their first page id.

    >>> find_dump(["jawiki-20240101-pages-articles.xml.bz2", "jawiki-20240101-langlinks.sql.gz"], "jawiki").pages
    ('jawiki-20240101-pages-articles.xml.bz2',)

    Raises `DumpError` when no day is complete, naming the missing files, and when a chosen file is in two folders.
    """
    days: dict[str, _Day] = {}
    for path in sorted(paths):
        match = _NAME.fullmatch(path.rpartition("/")[2])
        if match is not None and match["wiki"] == wiki and date in (None, match["date"]):
            days.setdefault(match["date"], _Day()).add(path, match)
    complete = sorted(name for name, day in days.items() if day.pages and LANGLINKS in day.tables)
    if not complete:
        raise DumpError(_describe_missing(wiki, date, days))
    day = days[complete[-1]]
    form = min(day.pages)
    parts = sorted(day.pages[form])
    _refuse_duplicates([part.path for part in parts])
    for name, files in day.tables.items():
        _refuse_duplicates(files)
        if len(files) > 1:
            raise DumpError(f"{files[0]} and {files[1]} are the same {name}: remove one")
    return Dump(
        wiki,
        complete[-1],
        tuple(part.path for part in parts),
        day.tables[LANGLINKS][0],
        _gaps(parts) if form.is_part else None,
        {name: day.tables[name][0] for name in OPTIONAL if name in day.tables},
    )


class _Form(NamedTuple):
    """A form in which the pages of a day can be stored; the smallest is the best."""

    content: int
    is_not_multistream: bool
    is_part: bool
    codec: int


class _Day:
    """The files of one day."""

    def __init__(self) -> None:
        self.pages: dict[_Form, list[_Part]] = {}
        self.tables: dict[str, list[str]] = {}
        self.history: list[str] = []

    def add(self, path: str, match: re.Match[str]) -> None:
        if name := match["table"] or match["siteinfo"]:
            self.tables.setdefault(name, []).append(path)
        elif match["history"]:
            self.history.append(path)
        else:
            part = _Part(int(match["first"] or 0), int(match["last"] or 0), int(match["part"] or 0), path)
            is_part = bool(match["part"]) or match["first"] is not None
            content = _CONTENTS.index(match["content"])
            form = _Form(content, match["multistream"] is None, is_part, _CODECS.index(match["codec"]))
            self.pages.setdefault(form, []).append(part)


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


def _refuse_duplicates(paths: Sequence[str]) -> None:
    names: dict[str, str] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        if name in names:
            raise DumpError(f"{name} is there twice, as {names[name]} and {path}: remove one, or point dumps_dir to one folder")
        names[name] = path


def _describe_missing(wiki: str, date: str | None, days: Mapping[str, "_Day"]) -> str:
    day = date or "DATE"
    wanted = (
        f"{wiki}-{day}-pages-articles[-multistream].xml[.bz2|.gz|.zst|.xz] and {wiki}-{day}-langlinks.sql[.gz] of the same day"
    )
    pages = [name for name, found in sorted(days.items()) if found.pages]
    langlinks = [name for name, found in sorted(days.items()) if LANGLINKS in found.tables]
    found = f"pages of {', '.join(pages) or 'no day'}; langlinks of {', '.join(langlinks) or 'no day'}"
    histories = [path for _, one in sorted(days.items()) for path in one.history]
    hint = f"; {histories[0]} holds all revisions of its pages, but a build reads current ones" if histories else ""
    return f"no complete dump of {wiki}: looked for {wanted}; found {found}{hint}"
