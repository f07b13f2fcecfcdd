"""Where bz2 streams begin in a multistream file, and how a file is cut into runs of whole streams.

A multistream bz2 file is a concatenation of complete bz2 streams, each on a byte boundary (Wikimedia puts 100 pages into each).
A stream begins with `BZh`, its block size as a digit, and then the magic number of a block or, if the stream is empty, that of
the stream's end (https://en.wikipedia.org/wiki/Bzip2#File_format). The scan searches for those ten bytes, which is faster than
reading the index file, itself a large bz2 file. Ten given bytes can occur inside a stream by chance (once in 10^22 bytes). A
stream must end exactly where the next one begins, so `read_streams` recognises a false start and reads over it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

_STREAM_START = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_SIGNATURE_BYTES = 10
_SCAN_BYTES = 16 * 2**20
STREAMS_BEYOND = 32
"""Streams behind a range that suffice to finish its last page. The compressor may cut a page anywhere, and 32 streams of 100 kB
or more hold any page of MediaWiki."""


def scan_streams(file: BinaryIO, on_block: Callable[[bytes], object] = len) -> list[int]:
    """Offsets at which a bz2 stream begins, ascending, found by their signature.

    Reads the file once, from beginning to end, and passes every block to `on_block` (for example a checksum).
    """
    return list(_iterate_starts(file, 0, on_block))


def _iterate_starts(
    file: BinaryIO, position: int, on_block: Callable[[bytes], object] = len, end: int | None = None
) -> Iterator[int]:
    """`scan_streams`, lazily: from `position`, at which the file must be, to byte `end`."""
    tail = b""
    while block := file.read(_SCAN_BYTES if end is None else min(_SCAN_BYTES, end - position)):
        on_block(block)
        data = tail + block
        start = position - len(tail)
        yield from [start + match.start() for match in _STREAM_START.finditer(data)]
        position += len(block)
        tail = data[-(_SIGNATURE_BYTES - 1) :]


def group_streams(offsets: Sequence[int], size: int, target_bytes: int) -> list[tuple[int, int]]:
    """Cut a file of `size` bytes into runs of whole streams of at least `target_bytes` each (fewer if the file is smaller).

    Returns `(start, end)` byte ranges that cover the streams without gap or overlap; a function of the file alone.

    >>> group_streams([0, 40, 90, 100], 150, 60), group_streams([0, 40, 90, 100], 130, 60)
    ([(0, 90), (90, 150)], [(0, 130)])
    """
    if not offsets:
        return []
    runs: list[tuple[int, int]] = []
    start = offsets[0]
    for boundary in offsets[1:]:
        if boundary - start >= target_bytes:
            runs.append((start, boundary))
            start = boundary
    rest = (start, size)
    if runs and rest[1] - rest[0] < target_bytes:
        runs[-1] = (runs[-1][0], size)
        return runs
    return [*runs, rest]


def find_boundaries(file: BinaryIO, begin: int, end: int, size: int, beyond: int) -> tuple[int, ...]:
    """The stream starts in bytes `begin` to `end` of a bz2 file of `size` bytes, and those needed to finish their last page.

    For a task that owns a range of bytes: it scans its range only, so the whole file is never read in advance. Returns the
    starts in `[begin, end)`, up to `beyond` starts after them, and `size` last if the file ends before that; empty if no stream
    begins in the range. Offset 0 always counts as a start, so that `read_streams` refuses a file of another format.

    >>> import bz2, io
    >>> data = bz2.compress(b"a") + bz2.compress(b"b")
    >>> find_boundaries(io.BytesIO(data), 0, 10, len(data), beyond=2), find_boundaries(io.BytesIO(data), 38, 74, len(data), 2)
    ((0, 37, 74), ())
    """
    file.seek(begin)
    inside = [start for start in _iterate_starts(file, begin, end=end + _SIGNATURE_BYTES - 1) if 0 < start < end]
    starts = [0, *inside] if begin == 0 else inside
    if not starts:
        return ()
    file.seek(end)
    following = [*islice(_iterate_starts(file, end), beyond)]
    return (*starts, *following) if len(following) == beyond else (*starts, *following, size)
