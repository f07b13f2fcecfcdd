"""Page XML of MediaWiki's export format: bytes to pages.

Two steps, so that the count of pages never depends on the XML parser:

1. `split_pages` cuts decompressed bytes at `<page>` and `</page>`. Inside a dump `<` is always escaped in text, so these
   bytes occur as tags only. Every `<page>` gives exactly one `RawPage`, however long it is and whether it ends or not.
2. `parse_page` reads one page with lxml, hardened: no entities, no DTD, no network.

Export versions 0.3 to 0.11 are read (https://www.mediawiki.org/wiki/Help:Export#Export_format).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple

from lxml import etree

from spark_jobs.dumps.stream_decompression import MAX_STREAM_BYTES, Chunk, StreamError, read_streams, read_whole

_START = b"<page>"
_END = b"</page>"
_TAG = re.compile(rb"</?page>")
_REVISION = b"<revision>"
_CLOSING = b"</mediawiki>"
_TAIL_BYTES = 256
MAX_PAGE_BYTES = 64 * 2**20
"""XML that a page may have. MediaWiki stores up to 2 MB of text a page unless it is told otherwise."""
_HEAD_BYTES = 4096
_TITLE = re.compile(r"<title>([^<]*)</title>")
_PAGE_ID = re.compile(r"<id>(\d{1,18})</id>")
_NOT_CLOSED = "the file ends without </mediawiki> after it: is it a whole download, or a part that was cut off?"
_NO_END = "<page> has no end: the dump is cut here, or the stream that holds the rest cannot be read"


class PageError(ValueError):
    """A page cannot be used; the message is the reason."""


class HistoryError(PageError):
    """A page with several revisions: the dump is one of histories, and no page of it is what a reader of pages expects."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} where one is expected: a dump of full histories cannot be used; take one of current revisions "
            "(pages-articles, or pages-meta-current)"
        )


class RawPage(NamedTuple):
    """The bytes of one page and where they begin.

    `stream_offset` is the compressed offset of the stream in which `<page>` starts, `page_offset` the offset of `<page>` in
    that stream's decompressed bytes. `problem` says why `xml` is not the whole page, and is None when it is.
    """

    stream_offset: int
    page_offset: int
    xml: bytes
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page at one revision."""

    page_id: int
    namespace: int
    title: str
    redirect: str | None
    """Title in the `<redirect>` element, as MediaWiki wrote it (without a fragment); empty where an old dump names none."""
    revision_id: int
    timestamp: datetime | None
    model: str
    text: str
    """Wikitext of the main slot; empty if its revision was deleted (suppressed)."""


def read_pages(
    file: BinaryIO,
    name: str,
    boundaries: Sequence[int],
    end: int,
    report: Callable[[StreamError], None],
    max_page_bytes: int = MAX_PAGE_BYTES,
    max_stream_bytes: int = MAX_STREAM_BYTES,
) -> Iterator[RawPage]:
    """The pages that start in a range of a file's streams. A bad stream goes to `report`; reading goes on with the next one.

    `boundaries` and `end` are as in `read_streams` and `split_pages`; without boundaries the file `name` is read as a whole.
    What is lost with a bad stream: its pages from the first unreadable byte on, and the rest of a page that began before it
    (given with its `problem`). Of a file that is read as a whole, everything after the fault. Streams at or after `end` are
    reported too if a page needed them; they belong to the range that they begin in (`error.offset >= end`). The range that ends
    with the file reports its last stream if `</mediawiki>` is missing there: a file that is cut between two pages shows no other
    sign of it.
    """
    rest = list(boundaries)
    holds_end = not boundaries or boundaries[-1] == end
    while True:
        chunks = read_streams(file, rest, max_stream_bytes) if boundaries else read_whole(file, name)
        failed: list[StreamError] = []
        tail, problem = _Tail(), None
        for page in split_pages(tail.follow(_until_error(chunks, failed)), end if boundaries else None, max_page_bytes):
            problem = page.problem
            yield page
        if not failed:
            if holds_end and problem is None and not tail.closes_dump:
                report(StreamError(tail.stream_offset, _NOT_CLOSED))
            return
        report(failed[0])
        rest = [boundary for boundary in rest if boundary > failed[0].offset]
        if len(rest) < 2 or rest[0] >= end:
            return


def _until_error(chunks: Iterator[Chunk], failed: list[StreamError]) -> Iterator[Chunk]:
    """The chunks before the first unreadable stream; its error is put into `failed`."""
    try:
        yield from chunks
    except StreamError as error:
        failed.append(error)


class _Tail:
    """The last bytes of what passes through."""

    def __init__(self) -> None:
        self.stream_offset = 0
        self._bytes = b""

    def follow(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            self.stream_offset = chunk.stream_offset
            self._bytes = (self._bytes + chunk.data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
            yield chunk

    @property
    def closes_dump(self) -> bool:
        return self._bytes.rstrip().endswith(_CLOSING)


def split_pages(chunks: Iterable[Chunk], end: int | None = None, max_bytes: int = MAX_PAGE_BYTES) -> Iterator[RawPage]:
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

    A page without an end, and one of more than `max_bytes` bytes, is given once with its `problem`; of the latter `xml` holds
    the first 4 KiB. If what is too long is the history of a page, `HistoryError` is raised instead.

    Memory: `max_bytes` and one chunk.
    """
    window = _Window(iter(chunks), end)
    while window.move_to_start():
        stream_offset, page_offset = window.locate()
        xml, problem = _take_page(window, max_bytes)
        yield RawPage(stream_offset, page_offset, xml, problem)


def _take_page(window: "_Window", max_bytes: int) -> tuple[bytes, str | None]:
    """The page at which the window stands, and what is wrong with it; the window moves behind it."""
    buffer, searched, dropped, head = window.buffer, len(_START), 0, b""
    while True:
        match = _TAG.search(buffer, window.position + searched)
        if match is not None:
            is_end = match.end() - match.start() == len(_END)
            length, problem = (match.end() if is_end else match.start()) - window.position, None if is_end else _NO_END
            break
        searched = max(searched, len(buffer) - window.position - len(_END) + 1)  # the rest may be the beginning of a tag
        if dropped or searched > max_bytes:
            head = head or _head_of_long(window, max_bytes)
            window.position += searched
            dropped, searched = dropped + searched, 0
        if not window.extend():
            length, problem = len(buffer) - window.position, _NO_END
            break
    if dropped + length > max_bytes:
        head = head or _head_of_long(window, max_bytes)
        window.position += length
        return head, f"<page> is of {dropped + length:,} bytes, and pages of up to {max_bytes:,} are read"
    return window.take(length), problem


def _head_of_long(window: "_Window", max_bytes: int) -> bytes:
    """The first bytes of a page that is too long, if it is one revision."""
    start = window.position
    if window.buffer.count(_REVISION, start, start + max_bytes) > 1:
        raise HistoryError(f"a page of more than {max_bytes:,} bytes with several revisions")
    return bytes(window.buffer[start : start + min(_HEAD_BYTES, max_bytes)])


class _Window:
    """The bytes at hand of a longer sequence of chunks, from `buffer[position]` on, and which stream each came from."""

    def __init__(self, chunks: Iterator[Chunk], end: int | None) -> None:
        self.buffer = bytearray()
        self.position = 0
        self._chunks = chunks
        self._end = end
        self._base = 0  # position of buffer[0] among all bytes
        self._owned: int | None = None  # position, among all bytes, at which those of the streams before `end` are over
        self._streams: list[tuple[int, int]] = []  # (position among all bytes, compressed offset) where each stream begins

    def extend(self) -> bool:
        """Forget what lies behind and append the next chunk; false if there is none."""
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
        """The next `length` bytes, which are then behind."""
        with memoryview(self.buffer) as view:
            taken = bytes(view[self.position : self.position + length])
        self.position += length
        return taken

    def move_to_start(self) -> bool:
        """Move to the next `<page>` of the streams before `end`; false if there is none."""
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


def name_page(xml: bytes) -> tuple[int | None, str | None]:
    """Id and title as the first bytes of a page have them, for pages that cannot be parsed; None for what is not there.

    >>> name_page(b"<page><title>A &amp; B</title><ns>0</ns><id>7</id><revision><id>70</id>")
    (7, 'A & B')
    """
    head = xml[:_HEAD_BYTES].partition(_REVISION)[0].decode("utf-8", errors="replace")
    title, page_id = _TITLE.search(head), _PAGE_ID.search(head)
    return None if page_id is None else int(page_id[1]), None if title is None else unescape_title(title[1])


def unescape_title(text: str) -> str:
    """The entities that MediaWiki writes into XML, resolved once: `A &amp;amp; B` is `A &amp; B`."""
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#039;", "'"), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return text


def hardened_parser() -> etree.XMLParser:
    """An lxml parser for bytes from outside: no entities of their own, no DTD, no network, libxml2's limits stay on."""
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=False)


_PARSER = hardened_parser()


def parse_page(xml: bytes, namespaces: Mapping[str, int] | None = None) -> Page:
    """Read one `<page>` element. Raises `PageError` with the reason if it is no well-formed page with one revision.

    `namespaces` (name -> number, as `siteinfo.namespaces_by_name` gives them) are for pages of export versions up to 0.5, which
    have no `<ns>`: their namespace is what stands before the title's first colon, if that is the name of one. Several revisions
    are a `HistoryError`. A text that the dump leaves out (stubs; revisions that could not be fetched) is an error, a deleted one
    is empty. libxml2 refuses text nodes above 10 MB, which MediaWiki does not store (its default limit is 2 MB).
    """
    if b"<!DOCTYPE" in xml:
        raise PageError("a document type declaration, which no dump has")
    try:
        root = etree.fromstring(xml, _PARSER)
    except etree.XMLSyntaxError as error:
        raise PageError(f"malformed XML: {error}") from error
    page, revisions = _children(root), 0
    for child in root:
        revisions += child.tag == "revision"
    if revisions > 1:
        raise HistoryError(f"{revisions} revisions")
    if not revisions:
        raise PageError("0 revisions where one is expected")
    revision, redirect, title = _children(page["revision"]), page.get("redirect"), _required(page, "page", "title")
    model = revision.get("model")
    return Page(
        page_id=_integer(page, "page", "id", 64),
        namespace=_namespace(page, title, namespaces),
        title=title,
        redirect=None if redirect is None else redirect.get("title", ""),
        revision_id=_integer(revision, "revision", "id", 64),
        timestamp=_timestamp(revision.get("timestamp")),
        model=(model is not None and model.text) or "wikitext",
        text=_text(revision.get("text")),
    )


def _children(element: etree._Element) -> dict[str, etree._Element]:
    """The first child of each name. One walk is much faster than a search for each."""
    children: dict[str, etree._Element] = {}
    for child in element:
        children.setdefault(child.tag, child)
    return children


def _namespace(page: dict[str, etree._Element], title: str, namespaces: Mapping[str, int] | None) -> int:
    if namespaces is None or "ns" in page:
        return _integer(page, "page", "ns", 32)
    prefix, colon, _ = title.partition(":")
    return namespaces.get(prefix, 0) if colon else 0


def _text(element: etree._Element | None) -> str:
    """The text of the main slot, whose `<text>` is a child of the revision. Those of other slots lie deeper, in `<content>`."""
    if element is None:
        raise PageError("<revision> has no <text>: is this a dump of stubs or abstracts? Take pages-articles")
    if text := element.text:  # each look at it decodes it anew
        return text
    if element.get("deleted") is not None:
        return ""
    if element.get("bytes", "0") != "0" or ("bytes" not in element.attrib and "id" in element.attrib):
        said = f"says bytes={element.get('bytes')!r}" if "bytes" in element.attrib else "only has an id"
        raise PageError(f"<text> is empty but {said}: the dump leaves this text out; a dump of stubs leaves out all of them")
    return ""


def _timestamp(element: etree._Element | None) -> datetime | None:
    if element is None or not element.text:
        return None
    try:
        stamp = datetime.fromisoformat(element.text)
    except ValueError as error:
        raise PageError(f"<timestamp>: {error}") from error
    return stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)


def _integer(children: dict[str, etree._Element], parent: str, tag: str, bits: int) -> int:
    text = _required(children, parent, tag)
    try:
        value = int(text)
    except ValueError as error:
        raise PageError(f"<{tag}>: {error}") from error
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise PageError(f"<{tag}> {text} does not fit into {bits} bits")
    return value


def _required(children: dict[str, etree._Element], parent: str, tag: str) -> str:
    element = children.get(tag)
    if element is None or not element.text:
        raise PageError(f"<{parent}> has no <{tag}>")
    return element.text
