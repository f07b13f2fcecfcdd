"""Decompressed bytes of an XML dump, cut into the bytes of its pages.

The cut is at `<page>` and `</page>`, before any XML is parsed, so that the count of pages never depends on the XML parser. In a
dump `<` is always escaped inside text, so these bytes occur as tags only. Every `<page>` gives exactly one `RawPage`, of any
length and with or without an end.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from spark_jobs.dumps.page_errors import HistoryError
from spark_jobs.dumps.page_parsing import PAGE_HEAD_BYTES
from spark_jobs.dumps.stream_decompression import StreamChunk

_START = b"<page>"
_END = b"</page>"
_TAG = re.compile(rb"</?page>")
_REVISION = b"<revision>"
MAX_PAGE_BYTES = 64 * 2**20
"""Bytes of XML that a page may have. MediaWiki stores up to 2 MB of text a page by default."""
_NO_END = "<page> has no end: the dump is cut here, or the stream that holds the rest cannot be read"


class RawPage(NamedTuple):
    """The bytes of one page and where they begin.

    `stream_offset` is the compressed offset of the stream in which `<page>` starts, `page_offset` the offset of `<page>` in
    that stream's decompressed bytes. `problem` is the reason why `xml` is not the whole page, and None when it is.
    """

    stream_offset: int
    page_offset: int
    xml: bytes
    problem: str | None = None


def split_pages(chunks: Iterable[StreamChunk], end: int | None = None, max_bytes: int = MAX_PAGE_BYTES) -> Iterator[RawPage]:
    """Cut the pages out of consecutive chunks that begin at a stream's start.

    A page belongs to the stream in which its `<page>` starts. With `end` (a compressed offset), pages of streams at or after
    `end` are not given, but chunks from there are read as far as the last page before needs them. Bytes before the first
    `<page>` (a page that began in an earlier stream, the header) are skipped. So consecutive ranges of streams give each page
    exactly once, wherever the compressor cut:

    >>> parts = [
    ...     StreamChunk(0, b"<page>a</page><pa", 7),
    ...     StreamChunk(7, b"ge>b</pa", 9),
    ...     StreamChunk(9, b"ge><page>c</page>", 12),
    ... ]
    >>> [page.xml for page in split_pages(parts, end=7)]
    [b'<page>a</page>', b'<page>b</page>']
    >>> [page.xml for page in split_pages(parts[1:], end=9)]
    []
    >>> [page.xml for page in split_pages(parts[2:])]
    [b'<page>c</page>']

    A page without an end, and a page of more than `max_bytes` bytes, is given once with its `problem`; the `xml` of a page that
    is too long holds its first 4 KiB. If that page has several revisions, `HistoryError` is raised instead.

    Memory: `max_bytes` and one chunk.
    """
    window = _Window(iter(chunks), end)
    while window.move_to_start():
        stream_offset, page_offset = window.locate()
        xml, problem = _take_page(window, max_bytes)
        yield RawPage(stream_offset, page_offset, xml, problem)


def _take_page(window: "_Window", max_bytes: int) -> tuple[bytes, str | None]:
    """The page at the window's position and its problem, if any; moves the window behind the page."""
    buffer, searched, dropped, head = window.buffer, len(_START), 0, b""
    while True:
        match = _TAG.search(buffer, window.position + searched)
        if match is not None:
            is_end = match.end() - match.start() == len(_END)
            length, problem = (match.end() if is_end else match.start()) - window.position, None if is_end else _NO_END
            break
        searched = max(searched, len(buffer) - window.position - len(_END) + 1)  # the rest may be the beginning of a tag
        if dropped or searched > max_bytes:
            head = head or _head_of_long_page(window, max_bytes)
            window.position += searched
            dropped, searched = dropped + searched, 0
        if not window.extend():
            length, problem = len(buffer) - window.position, _NO_END
            break
    if dropped + length > max_bytes:
        head = head or _head_of_long_page(window, max_bytes)
        window.position += length
        return head, f"<page> is of {dropped + length:,} bytes, and pages of up to {max_bytes:,} are read"
    return window.take(length), problem


def _head_of_long_page(window: "_Window", max_bytes: int) -> bytes:
    """The first bytes of a page that is too long. Raises `HistoryError` if it has several revisions."""
    start = window.position
    if window.buffer.count(_REVISION, start, start + max_bytes) > 1:
        raise HistoryError(f"a page of more than {max_bytes:,} bytes with several revisions")
    return bytes(window.buffer[start : start + min(PAGE_HEAD_BYTES, max_bytes)])


class _Window:
    """The part of a sequence of chunks that is in memory, from `buffer[position]` on, and the stream of each byte."""

    def __init__(self, chunks: Iterator[StreamChunk], end: int | None) -> None:
        self.buffer = bytearray()
        self.position = 0
        self._chunks = chunks
        self._end = end
        self._base = 0  # position of buffer[0] among all bytes
        self._owned: int | None = None  # position, among all bytes, behind the last stream before `end`
        self._streams: list[tuple[int, int]] = []  # (position among all bytes, compressed offset) where each stream begins

    def extend(self) -> bool:
        """Drop the bytes before `position` and append the next chunk; false at the end of the chunks."""
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        del self.buffer[: self.position]
        self._base += self.position
        self.position = 0
        if not self._streams or self._streams[-1][1] != chunk.stream_offset:
            self._streams.append((self._base + len(self.buffer), chunk.stream_offset))
        self.buffer += chunk.data
        if self._end is not None and self._owned is None and chunk.next_stream is not None and chunk.next_stream >= self._end:
            self._owned = self._base + len(self.buffer)
        return True

    def take(self, length: int) -> bytes:
        """The next `length` bytes; moves behind them."""
        with memoryview(self.buffer) as view:
            taken = bytes(view[self.position : self.position + length])
        self.position += length
        return taken

    def move_to_start(self) -> bool:
        """Move to the next `<page>` of the streams before `end`; false after the last one."""
        while (start := self.buffer.find(_START, self.position)) < 0:
            self.position = max(self.position, len(self.buffer) - len(_START) + 1)  # may be the beginning of a tag
            if not self._may_hold_start() or not self.extend():
                return False
        self.position = start
        return self._owned is None or self._base + start < self._owned

    def _may_hold_start(self) -> bool:
        """Whether a page can still begin here: more owned bytes may come, or the owned ones end in the beginning of a tag."""
        if self._owned is None:
            return True
        owned = bytes(self.buffer[self.position : max(self.position, self._owned - self._base)])
        return any(_START.startswith(owned[i:]) for i in range(len(owned)))

    def locate(self) -> tuple[int, int]:
        """The stream of the byte at `position`, and the offset of that byte in the stream's decompressed bytes."""
        here = self._base + self.position
        while len(self._streams) > 1 and self._streams[1][0] <= here:
            del self._streams[0]
        begin, offset = self._streams[0]
        return offset, here - begin
