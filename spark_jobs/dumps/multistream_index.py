"""The index file of a multistream dump, `…-multistream-index.txt.bz2`: which pages a stream should hold.

One line a page, `offset:page_id:title`, where `offset` is the compressed offset of the page's stream. The rule for its use:
**the scan of the dump is the truth, and the index only gives names.** No page is looked for by the index, so one that is wrong,
truncated or of another dump cannot lose any. When a stream cannot be read, its pages are named by the index, if that agrees
with the dump in every place where the two can be compared:

- Offsets in the index at which the scan found no stream must lie in a stream that cannot be read (its signature may be what
  was damaged) or behind the end of the file (the dump may be truncated). One offset elsewhere: the index is not used.
- The pages that were read before the fault must be among those that the index has for their stream. One that is not: the
  index names nothing in that stream.

All that does not agree is told in figures (`IndexMatch.warning`).
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from spark_jobs.dumps.stream_decompression import DECOMPRESSION_ERRORS, open_decompressed
from spark_jobs.dumps.page_cutting import unescape_title

_DUMP_NAME = re.compile(r"(?P<start>.+-multistream)(?P<part>\d*)\.xml(?P<pages>-p\d+p\d+)?\.bz2")
_LINE = re.compile(rb"(\d{1,18}):(\d{1,18}):(.+)")
_MAX_LINE_BYTES = 4096


class IndexFileError(ValueError):
    """An index cannot be read on; the message gives the file, the line and the reason."""


class IndexEntry(NamedTuple):
    """A line of the index: a page, and the compressed offset of the stream that holds it."""

    offset: int
    page_id: int
    title: str


@dataclass(frozen=True)
class BadStream:
    """A stream of a dump that could not be read, or not to its end.

    It takes the bytes from `offset` to `end`, the next stream that was found. `seen` are the ids of the pages that were read
    from it before the fault, or of which at least the beginning was.
    """

    offset: int
    end: int
    seen: frozenset[int] = frozenset()
    unnamed: int = 0
    """Pages that began in it before the fault and whose id could not be read: they are accounted for already."""


@dataclass(frozen=True)
class IndexMatch:
    """An index beside the scan of its dump. Counts are of distinct offsets, except `pages` and `beyond_end`, which are pages."""

    pages: int
    offsets: int
    unknown: int
    """Offsets within the dump at which no stream begins and nothing is damaged: the index is wrong, or of another dump."""
    damaged: int
    """Offsets within bad streams at which no stream was found."""
    unlisted: int
    """Streams of the dump of which the index has no page, the head and the tail not counted."""
    beyond_end: int
    """Pages that should lie behind the end of the file."""
    contradicted: int
    """Bad streams of which a page was read that the index does not have there."""
    problem: str | None
    """Why the index could not be read to its end."""
    lost: tuple[IndexEntry, ...]
    """The pages that are lost with the bad streams, in the order of the index; none if the index cannot be trusted."""

    @property
    def warning(self) -> str | None:
        """What does not agree, in words; None if all does."""
        found = [
            (self.unknown, f"{self.unknown:,} of its {self.offsets:,} offsets are no stream, so it is not used: another dump?"),
            (self.damaged, f"{self.damaged:,} of its offsets lie in damaged bytes"),
            (self.unlisted, f"{self.unlisted:,} streams of the dump are not in it"),
            (self.beyond_end, f"{self.beyond_end:,} of its {self.pages:,} pages lie behind the end of the dump: is that whole?"),
            (self.contradicted, f"{self.contradicted:,} damaged streams hold other pages than it says: they stay unnamed"),
        ]
        said = [text for count, text in found if count] + ([self.problem] if self.problem else [])
        return "; ".join(said) or None


def index_name(dump: str) -> str | None:
    """The name of the index of a multistream dump file; None for a file that has none.

    >>> index_name("jawiki-20240101-pages-articles-multistream.xml.bz2")
    'jawiki-20240101-pages-articles-multistream-index.txt.bz2'
    >>> index_name("enwiki-20240101-pages-articles-multistream1.xml-p1p41242.bz2")
    'enwiki-20240101-pages-articles-multistream-index1.txt-p1p41242.bz2'
    """
    match = _DUMP_NAME.fullmatch(dump)
    return None if match is None else f"{match['start']}-index{match['part']}.txt{match['pages'] or ''}.bz2"


def read_index(file: BinaryIO, name: str) -> Iterator[IndexEntry]:
    """The entries of an open index file, lazily; decompressed by the ending of its name. Raises `IndexFileError`."""
    opened = open_decompressed(file, name)
    number = 0
    try:
        while line := opened.readline(_MAX_LINE_BYTES):
            number += 1
            yield parse_line(line, f"{name}, line {number}")
    except DECOMPRESSION_ERRORS as error:
        raise IndexFileError(f"{name} cannot be decompressed beyond line {number} ({error}): is it a whole download?") from error


def parse_line(line: bytes, where: str) -> IndexEntry:
    """One line of an index; a title may hold colons, and has MediaWiki's XML entities. Raises `IndexFileError`.

    >>> parse_line(b"597:12:Talk:A &amp; B", "x")
    IndexEntry(offset=597, page_id=12, title='Talk:A & B')
    """
    match = _LINE.fullmatch(line.rstrip(b"\r\n"))
    if match is None:
        raise IndexFileError(f"{where}: expected offset:page_id:title, found {line[:80]!r}")
    return IndexEntry(int(match[1]), int(match[2]), unescape_title(match[3].decode("utf-8", errors="replace")))


def _unseen(stream: BadStream, entries: Iterable[IndexEntry]) -> list[IndexEntry]:
    """The entries of pages that were not met. Pages lie in the index's order: those met without an id come before the lost."""
    return [entry for entry in entries if entry.page_id not in stream.seen][stream.unnamed :]


def match_index(entries: Iterable[IndexEntry], starts: Sequence[int], size: int, bad: Iterable[BadStream]) -> IndexMatch:
    """Hold an index against the scan of its dump, and name the pages that are lost with the streams that cannot be read.

    `starts` are the offsets that `scan_streams` found, ascending, in the dump file of `size` bytes. Reads `entries` once; an
    `IndexFileError` of theirs ends the reading, and what was read stands. Memory: one entry a page of the bad streams, and one
    number a stream.

    >>> entries = [IndexEntry(9, 1, "A"), IndexEntry(40, 2, "B"), IndexEntry(40, 3, "C")]
    >>> [entry.title for entry in match_index(entries, [0, 9, 40, 70], 80, [BadStream(40, 70, frozenset({2}))]).lost]
    ['C']
    """
    ordered = sorted(bad, key=lambda stream: stream.offset)
    begins, known = [stream.offset for stream in ordered], frozenset(starts)
    named: list[list[IndexEntry]] = [[] for _ in ordered]
    offsets: dict[int, None] = {}
    damaged: set[int] = set()
    pages = beyond_end = 0
    problem = None
    try:
        for entry in entries:
            pages += 1
            offsets[entry.offset] = None
            beyond_end += entry.offset >= size
            which = bisect_right(begins, entry.offset) - 1
            if which >= 0 and entry.offset < ordered[which].end:
                named[which].append(entry)
                damaged.add(entry.offset)
    except IndexFileError as error:
        problem = str(error)
    strangers = offsets.keys() - known
    damaged &= strangers
    unknown = sum(offset < size for offset in strangers - damaged)
    contradicted = [bool(stream.seen - {entry.page_id for entry in found}) for stream, found in zip(ordered, named, strict=True)]
    # With no offset in common there is nothing that speaks for the index.
    is_trusted = unknown == 0 and bool(known & offsets.keys())
    lost = [
        entry
        for stream, found, is_wrong in zip(ordered, named, contradicted, strict=True)
        if is_trusted and not is_wrong
        for entry in _unseen(stream, found)
    ]
    return IndexMatch(
        pages=pages,
        offsets=len(offsets),
        unknown=unknown,
        damaged=len(damaged),
        unlisted=len(frozenset(starts[1:-1]) - offsets.keys()),
        beyond_end=beyond_end,
        contradicted=sum(contradicted),
        problem=problem,
        lost=tuple(lost),
    )
