"""Page XML of MediaWiki's export format: bytes to pages.

Two steps, so that the count of pages never depends on the XML parser:

1. `split_pages` cuts decompressed bytes at `<page>` and `</page>`. Inside a dump `<` is always escaped in text, so these
   bytes occur as tags only. Every `<page>` gives exactly one `RawPage`.
2. `parse_page` reads one page with lxml, hardened: no entities, no DTD, no network.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from spark_jobs.dumps.streams import Chunk

_START = b"<page>"
_END = b"</page>"


class PageError(ValueError):
    """A page cannot be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class RawPage:
    """The bytes of one page and where they begin.

    `stream_offset` is the compressed offset of the stream in which `<page>` starts, `page_offset` the offset of `<page>` in
    that stream's decompressed bytes. `is_complete` is false if the page's end tag is missing.
    """

    stream_offset: int
    page_offset: int
    xml: bytes
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page at one revision."""

    page_id: int
    namespace: int
    title: str
    redirect: str | None
    """Title in the `<redirect>` element, as MediaWiki wrote it (without a fragment)."""
    revision_id: int
    timestamp: datetime | None
    model: str
    text: str


def split_pages(chunks: Iterable[Chunk], end: int | None = None) -> Iterator[RawPage]:
    """Cut the pages out of consecutive chunks that begin at a stream's start.

    A page belongs to the stream in which its `<page>` starts. With `end` (a compressed offset), pages of streams at or after
    `end` are not given, but chunks from there are read as far as the last page before needs them. Bytes before the first
    `<page>` (a page that began in an earlier stream, the header) are passed over. So consecutive ranges of streams give each
    page exactly once, wherever the compressor cut:

    >>> parts = [Chunk(0, b"<page>a</page><pa", 7), Chunk(7, b"ge>b</pa", 9), Chunk(9, b"ge><page>c</page>", 12)]
    >>> [page.xml for page in split_pages(parts, end=7)]
    [b'<page>a</page>', b'<page>b</page>']
    >>> [page.xml for page in split_pages(parts[1:], end=9)]
    []
    >>> [page.xml for page in split_pages(parts[2:])]
    [b'<page>c</page>']

    Memory: the largest page and one chunk.
    """
    window = _Window(iter(chunks), end)
    buffer = window.buffer
    while True:
        begin = buffer.find(_START)
        if begin < 0:
            window.drop(max(0, len(buffer) - len(_START) + 1))  # what is left may be the beginning of a tag
            if not window.may_hold_start() or not window.extend():
                return
            continue
        window.drop(begin)
        if not window.is_owned():
            return
        stream_offset, page_offset = window.locate()
        length, is_complete = _find_page_end(window)
        yield RawPage(stream_offset, page_offset, bytes(buffer[:length]), is_complete)
        window.drop(length)


def _find_page_end(window: "_Window") -> tuple[int, bool]:
    """Length of the page at the window's start, reading on as needed, and whether its end tag is there."""
    buffer, searched = window.buffer, len(_START)
    while True:
        stop = buffer.find(_END, searched)
        following = buffer.find(_START, searched, stop if stop >= 0 else len(buffer))
        if following >= 0:
            return following, False
        if stop >= 0:
            return stop + len(_END), True
        searched = max(len(_START), len(buffer) - len(_END) + 1)
        if not window.extend():
            return len(buffer), False


class _Window:
    """The bytes at hand of a longer sequence of chunks, and which stream each came from."""

    def __init__(self, chunks: Iterator[Chunk], end: int | None) -> None:
        self.buffer = bytearray()
        self._chunks = chunks
        self._end = end
        self._base = 0  # position of buffer[0] among all bytes
        self._owned: int | None = None  # position at which the bytes of the streams before `end` are over
        self._streams: list[tuple[int, int]] = []  # (position, compressed offset) where each stream begins

    def extend(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        if not self._streams or self._streams[-1][1] != chunk.stream_offset:
            self._streams.append((self._base + len(self.buffer), chunk.stream_offset))
        self.buffer.extend(chunk.data)
        if self._end is not None and self._owned is None and chunk.next_stream is not None and chunk.next_stream >= self._end:
            self._owned = self._base + len(self.buffer)
        return True

    def drop(self, length: int) -> None:
        del self.buffer[:length]
        self._base += length
        while len(self._streams) > 1 and self._streams[1][0] <= self._base:
            del self._streams[0]

    def is_owned(self) -> bool:
        """Whether buffer[0] lies in a stream before `end`."""
        return self._owned is None or self._base < self._owned

    def may_hold_start(self) -> bool:
        """Whether a page can still begin here: more owned bytes may come, or the owned ones end in the beginning of a tag."""
        if self._owned is None:
            return True
        owned = bytes(self.buffer[: max(0, self._owned - self._base)])
        return any(_START.startswith(owned[i:]) for i in range(len(owned)))

    def locate(self) -> tuple[int, int]:
        """The stream of buffer[0], and the offset of buffer[0] in that stream's decompressed bytes."""
        position, offset = self._streams[0]
        return offset, self._base - position


def hardened_parser() -> etree.XMLParser:
    """An lxml parser for bytes from outside: no entities of their own, no DTD, no network, libxml2's limits stay on."""
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=False)


def parse_page(xml: bytes) -> Page:
    """Read one `<page>` element. Raises `PageError` with the reason if it is no well-formed page with one revision.

    libxml2 refuses text nodes above 10 MB, which MediaWiki does not store (its default limit is 2 MB).
    """
    if b"<!DOCTYPE" in xml:
        raise PageError("a document type declaration, which no dump has")
    try:
        root = etree.fromstring(xml, hardened_parser())
    except etree.XMLSyntaxError as error:
        raise PageError(f"malformed XML: {error}") from error
    revisions = root.findall("revision")
    if len(revisions) != 1:
        raise PageError(f"{len(revisions)} revisions where one is expected: use a dump of current revisions (pages-articles)")
    revision = revisions[0]
    redirect = root.find("redirect")
    stamp = revision.findtext("timestamp")
    try:
        return Page(
            page_id=int(_required(root, "id")),
            namespace=int(_required(root, "ns")),
            title=_required(root, "title"),
            redirect=None if redirect is None else redirect.get("title"),
            revision_id=int(_required(revision, "id")),
            timestamp=datetime.fromisoformat(stamp) if stamp else None,
            model=revision.findtext("model") or "wikitext",
            text=revision.findtext("text") or "",
        )
    except ValueError as error:
        raise PageError(str(error)) from error


def _required(element: etree._Element, tag: str) -> str:
    text = element.findtext(tag)
    if not text:
        raise PageError(f"<{element.tag}> has no <{tag}>")
    return text
