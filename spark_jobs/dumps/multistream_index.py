"""The index file of a multistream dump, `…-multistream-index.txt.bz2`: the pages that each stream should hold.

One line a page, `offset:page_id:title`, where `offset` is the compressed offset of the page's stream. **The scan of the dump
decides which pages exist; the index only names pages.** An index that is wrong, truncated or of another dump cannot lose a page.
When a stream cannot be read, the index names its pages, if it agrees with the dump wherever the two can be compared:

- An offset at which the scan found no stream must be inside a damaged stream (its signature may be the damaged part) or behind
  the end of the file (the dump may be truncated). One such offset elsewhere: the index is ignored.
- The pages that were read before the damage must be among those that the index lists for their stream. One that is not: the
  index names no page of that stream.

`IndexMatch.warning` counts all disagreements.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from spark_jobs.dumps.compressed_files import DECOMPRESSION_ERRORS, open_decompressed
from spark_jobs.dumps.page_parsing import unescape_title

_DUMP_NAME = re.compile(r"(?P<start>.+-multistream)(?P<part>[0-9]*)\.xml(?P<pages>-p[0-9]+p[0-9]+)?\.bz2")
_LINE = re.compile(rb"([0-9]{1,18}):([0-9]{1,18}):(.+)")
_MAX_LINE_BYTES = 4096


class IndexFileError(ValueError):
    """A line of an index cannot be read; the message gives the file, the line and the reason."""


class IndexEntry(NamedTuple):
    """A line of the index: a page, and the compressed offset of the stream that holds it."""

    offset: int
    page_id: int
    title: str


@dataclass(frozen=True)
class DamagedStream:
    """A stream of a dump that could not be read to its end.

    It spans the bytes from `offset` to `end`, the next stream that the scan found. `seen` are the ids of the pages in it of which
    at least the beginning was read.
    """

    offset: int
    end: int
    seen: frozenset[int] = frozenset()
    unnamed: int = 0
    """Pages that began in it before the damage and whose id could not be read: they are counted already."""


@dataclass(frozen=True)
class IndexMatch:
    """An index compared with the scan of its dump. Counts are of distinct offsets, except `pages` and `beyond_end` (pages)."""

    pages: int
    offsets: int
    unknown: int
    """Offsets within the dump at which no stream begins and no stream is damaged: the index is wrong, or of another dump."""
    damaged: int
    """Offsets within damaged streams at which the scan found no stream."""
    unlisted: int
    """Streams of the dump without a page in the index; the head and the tail are not counted."""
    beyond_end: int
    """Pages behind the end of the file."""
    contradicted: int
    """Damaged streams with a page that the index does not list there."""
    problem: str | None
    """Why the index could not be read to its end."""
    lost: tuple[IndexEntry, ...]
    """The pages that are lost with the damaged streams, in the order of the index; empty if the index cannot be trusted."""

    @property
    def warning(self) -> str | None:
        """The disagreements in a sentence; None if there are none."""
        counted = [
            (
                self.unknown,
                f"{self.unknown:,} of its {self.offsets:,} offsets do not point at a stream, so it is ignored: another dump?",
            ),
            (self.damaged, f"{self.damaged:,} of its offsets point into damaged bytes"),
            (self.unlisted, f"{self.unlisted:,} streams of the dump are not in it"),
            (
                self.beyond_end,
                f"{self.beyond_end:,} of its {self.pages:,} pages are behind the end of the dump: is the dump whole?",
            ),
            (
                self.contradicted,
                f"{self.contradicted:,} damaged streams hold pages that it does not list there: their pages stay unnamed",
            ),
        ]
        disagreements = [text for count, text in counted if count] + ([self.problem] if self.problem else [])
        return "; ".join(disagreements) or None


def index_name(dump: str) -> str | None:
    """The name of the index of a multistream dump file; None for a file without one.

    >>> index_name("jawiki-20240101-pages-articles-multistream.xml.bz2")
    'jawiki-20240101-pages-articles-multistream-index.txt.bz2'
    >>> index_name("enwiki-20240101-pages-articles-multistream1.xml-p1p41242.bz2")
    'enwiki-20240101-pages-articles-multistream-index1.txt-p1p41242.bz2'
    """
    match = _DUMP_NAME.fullmatch(dump)
    return None if match is None else f"{match['start']}-index{match['part']}.txt{match['pages'] or ''}.bz2"


def read_index(file: BinaryIO, name: str) -> Iterator[IndexEntry]:
    """The entries of an open index file, lazily. `name` chooses the decompressor. Raises `IndexFileError`."""
    opened = open_decompressed(file, name)
    number = 0
    try:
        while line := opened.readline(_MAX_LINE_BYTES):
            number += 1
            yield parse_index_line(line, f"{name}, line {number}")
    except DECOMPRESSION_ERRORS as error:
        raise IndexFileError(f"{name} cannot be decompressed beyond line {number} ({error}): is it a whole download?") from error
    if not number:
        raise IndexFileError(f"{name} is empty: is it a whole download?")


def parse_index_line(line: bytes, where: str) -> IndexEntry:
    """Parse one line of an index. A title may hold colons and MediaWiki's XML entities. Raises `IndexFileError`.

    >>> parse_index_line(b"597:12:Talk:A &amp; B", "x")
    IndexEntry(offset=597, page_id=12, title='Talk:A & B')
    """
    match = _LINE.fullmatch(line.rstrip(b"\r\n"))
    if match is None:
        raise IndexFileError(f"{where}: expected offset:page_id:title, found {line[:80]!r}")
    return IndexEntry(int(match[1]), int(match[2]), unescape_title(match[3].decode("utf-8", errors="replace")))


def _unseen(stream: DamagedStream, entries: Iterable[IndexEntry]) -> list[IndexEntry]:
    """The entries of pages that were not read. A stream has the order of the index: pages read without an id come before them."""
    return [entry for entry in entries if entry.page_id not in stream.seen][stream.unnamed :]


def match_index(
    entries: Iterable[IndexEntry], starts: Sequence[int], size: int, damaged_streams: Iterable[DamagedStream]
) -> IndexMatch:
    """Compare an index with the scan of its dump, and name the pages that are lost with the damaged streams.

    `starts` are the offsets that `scan_streams` found, ascending, in the dump file of `size` bytes. Reads `entries` once; an
    `IndexFileError` ends the reading, and the entries before it are used. Memory: one entry a page of the damaged streams, and
    one number a stream.

    >>> entries = [IndexEntry(9, 1, "A"), IndexEntry(40, 2, "B"), IndexEntry(40, 3, "C")]
    >>> [entry.title for entry in match_index(entries, [0, 9, 40, 70], 80, [DamagedStream(40, 70, frozenset({2}))]).lost]
    ['C']
    """
    ordered = sorted(damaged_streams, key=lambda stream: stream.offset)
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
    not_starts = offsets.keys() - known
    damaged &= not_starts
    unknown = sum(offset < size for offset in not_starts - damaged)
    contradicted = [bool(stream.seen - {entry.page_id for entry in found}) for stream, found in zip(ordered, named, strict=True)]
    # An index without any offset in common with the dump is not trusted.
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
