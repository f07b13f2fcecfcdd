"""Which files of a folder make up the dump of a wiki: a pure function of file names.

Wikimedia names a dump's files `{wiki}-{date}-{what}.{ending}`, large ones in parts:

    jawiki-20240101-pages-articles-multistream.xml.bz2
    enwiki-20240101-pages-articles-multistream1.xml-p1p41242.bz2
    jawiki-20240101-langlinks.sql.gz
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(
    r"(?P<wiki>[a-z][a-z0-9_]*)-(?P<date>\d{8})-(?:"
    r"pages-articles(?P<multistream>-multistream)?(?P<part>\d*)\.xml(?:-p(?P<first>\d+)p\d+)?(?P<codec>\.bz2|\.gz|\.xz|)"
    r"|(?P<table>langlinks)\.sql(?:\.gz|)"
    r")"
)
# Best first: streams can be read in parallel, and a part is more parallel than a whole.
_CODECS = (".bz2", "", ".gz", ".xz")


class DumpNotFoundError(FileNotFoundError):
    """A folder does not hold what a wiki's build needs; the message says what was looked for and what is there."""


@dataclass(frozen=True)
class Dump:
    """The files of one wiki's dump of one day, as paths relative to the folder that was listed."""

    wiki: str
    date: str
    pages: tuple[str, ...]
    langlinks: str


def find_dump(paths: Iterable[str], wiki: str, date: str | None = None) -> Dump:
    """Choose the files of `wiki` among `paths` (relative, `/`-separated, in any folder): the newest complete day.

    A day is complete when it has pages-articles XML and langlinks SQL. Among the forms of one day the multistream one is
    preferred, then bz2, plain, gz, xz. Parts are ordered by their first page id.

    >>> find_dump(["jawiki-20240101-pages-articles.xml.bz2", "jawiki-20240101-langlinks.sql.gz"], "jawiki").pages
    ('jawiki-20240101-pages-articles.xml.bz2',)

    Raises `DumpNotFoundError` when there is none, naming what is missing for the newest day that was seen.
    """
    pages: dict[str, dict[tuple[bool, bool, int], list[tuple[int, str]]]] = {}
    langlinks: dict[str, str] = {}
    for path in sorted(paths):
        match = _NAME.fullmatch(path.rpartition("/")[2])
        if match is None or match["wiki"] != wiki or (date is not None and match["date"] != date):
            continue
        if match["table"]:
            langlinks.setdefault(match["date"], path)
            continue
        is_whole = not match["part"] and match["first"] is None
        form = (match["multistream"] is None, is_whole, _CODECS.index(match["codec"]))
        order = int(match["first"] or match["part"] or 0)
        pages.setdefault(match["date"], {}).setdefault(form, []).append((order, path))
    complete = sorted(pages.keys() & langlinks.keys())
    if not complete:
        raise DumpNotFoundError(_what_is_missing(wiki, date, sorted(pages), sorted(langlinks)))
    day = complete[-1]
    forms = pages[day]
    return Dump(wiki, day, tuple(path for _, path in sorted(forms[min(forms)])), langlinks[day])


def _what_is_missing(wiki: str, date: str | None, pages: list[str], langlinks: list[str]) -> str:
    day = date or "DATE"
    wanted = f"{wiki}-{day}-pages-articles[-multistream].xml[.bz2|.gz|.xz] and {wiki}-{day}-langlinks.sql[.gz] of the same day"
    found = f"pages of {', '.join(pages) or 'no day'}; langlinks of {', '.join(langlinks) or 'no day'}"
    return f"no complete dump of {wiki}: looked for {wanted}; found {found}"
