"""The pages of a range of a dump file's streams. A damaged stream is reported, and reading continues with the next one."""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from spark_jobs.dumps.page_cutting import MAX_PAGE_BYTES, RawPage, split_pages
from spark_jobs.dumps.stream_decompression import MAX_STREAM_BYTES, StreamChunk, StreamError, read_streams, read_whole

_CLOSING = b"</mediawiki>"
_TAIL_BYTES = 256
_NOT_CLOSED = "the file ends without </mediawiki> after it: is it a whole download, or a part that was cut off?"


def read_pages(
    file: BinaryIO,
    name: str,
    boundaries: Sequence[int],
    end: int,
    report: Callable[[StreamError], None],
    max_page_bytes: int = MAX_PAGE_BYTES,
    max_stream_bytes: int = MAX_STREAM_BYTES,
) -> Iterator[RawPage]:
    """The pages that start in a range of a file's streams. The error of a damaged stream goes to `report`.

    `boundaries` and `end` are as in `read_streams` and `split_pages`; without boundaries the file `name` is read as a whole. A
    damaged stream loses its pages from the first unreadable byte on, and the rest of a page that began before it (that page is
    given with its `problem`). A file that is read as a whole loses everything after the error. Streams at or after `end` are
    reported too if a page needed them; they belong to the range that they begin in (`error.offset >= end`). The range that ends
    with the file reports its last stream if `</mediawiki>` is missing there: the only sign of a file cut between two pages.
    """
    rest = list(boundaries)
    holds_end = not boundaries or boundaries[-1] == end
    while True:
        chunks = read_streams(file, rest, max_stream_bytes) if boundaries else read_whole(file, name)
        errors: list[StreamError] = []
        tail, problem = _Tail(), None
        for page in split_pages(tail.follow(_until_error(chunks, errors)), end if boundaries else None, max_page_bytes):
            problem = page.problem
            yield page
        if not errors:
            if holds_end and problem is None and not tail.closes_dump:
                report(StreamError(tail.stream_offset, _NOT_CLOSED))
            return
        report(errors[0])
        rest = [boundary for boundary in rest if boundary > errors[0].offset]
        if len(rest) < 2 or rest[0] >= end:
            return


def _until_error(chunks: Iterator[StreamChunk], errors: list[StreamError]) -> Iterator[StreamChunk]:
    """The chunks before the first unreadable stream, whose error is appended to `errors`."""
    try:
        yield from chunks
    except StreamError as error:
        errors.append(error)


class _Tail:
    """Keeps the last bytes of the chunks that pass through."""

    def __init__(self) -> None:
        self.stream_offset = 0
        self._bytes = b""

    def follow(self, chunks: Iterator[StreamChunk]) -> Iterator[StreamChunk]:
        for chunk in chunks:
            self.stream_offset = chunk.stream_offset
            self._bytes = (self._bytes + chunk.data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
            yield chunk

    @property
    def closes_dump(self) -> bool:
        return self._bytes.rstrip().endswith(_CLOSING)
