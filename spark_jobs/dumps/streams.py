"""Compressed dumps as independently readable streams of bytes.

A multistream bz2 file is a concatenation of complete bz2 streams, each on a byte boundary (Wikimedia puts 100 pages in
each). A stream begins with `BZh`, its block size as a digit, and then either the magic number of a block or, if the stream
is empty, that of the stream's end (https://en.wikipedia.org/wiki/Bzip2#File_format). Those ten bytes are searched for
directly: faster than reading the index file, which is itself a large bz2 file. Ten given bytes can occur inside a stream by
chance (once in 10^22 bytes); since a stream must end exactly where the next begins, `read_streams` recognises such a place when
it decompresses the stream before it, and reads over it.
"""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO

_STREAM_START = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_SIGNATURE_BYTES = 10
_SCAN_BYTES = 16 * 2**20
_READ_BYTES = 2**20
DECOMPRESSION_ERRORS = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What Python's decompressors raise on bytes that are not theirs, or that end too early."""


class StreamError(ValueError):
    """A compressed stream cannot be read; `offset` is where it begins in the file."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"stream at compressed byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Chunk:
    """Decompressed bytes of the stream that begins at the compressed `stream_offset`.

    `next_stream` is set on the last chunk of a stream: the compressed offset at which the stream ends.
    """

    stream_offset: int
    data: bytes
    next_stream: int | None = None


def scan_streams(file: BinaryIO, on_block: Callable[[bytes], object] = len) -> list[int]:
    """Offsets at which a bz2 stream begins, in ascending order, found by their signature.

    Reads the file once, from beginning to end, and hands every block to `on_block` (a checksum, say).
    """
    offsets: list[int] = []
    position, tail = 0, b""
    while block := file.read(_SCAN_BYTES):
        on_block(block)
        data = tail + block
        start = position - len(tail)
        offsets.extend(start + match.start() for match in _STREAM_START.finditer(data))
        position += len(block)
        tail = data[-(_SIGNATURE_BYTES - 1) :]
    return offsets


def group_streams(offsets: Sequence[int], size: int, target_bytes: int) -> list[tuple[int, int]]:
    """Cut a file of `size` bytes into runs of whole streams of at least `target_bytes` each (the last may be smaller).

    Returns `(start, end)` byte ranges that cover the streams without gap or overlap; a function of the file alone.

    >>> group_streams([0, 40, 90, 100], 130, 60)
    [(0, 90), (90, 130)]
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


def read_streams(file: BinaryIO, boundaries: Sequence[int]) -> Iterator[Chunk]:
    """Decompress consecutive bz2 streams lazily, in chunks.

    `boundaries` are the candidate starts of the streams to read, in order, and last the offset at which the last of them
    ends. A candidate that lies inside a stream is passed over. Raises `StreamError` for bytes that are no whole bz2 stream.
    """
    boundaries = list(boundaries)
    while len(boundaries) > 1:
        begin, position = boundaries[0], boundaries[0]
        decompressor = bz2.BZ2Decompressor()
        file.seek(begin)
        while not decompressor.eof:
            if position == boundaries[1]:
                del boundaries[1]  # the stream goes on: this candidate was no start
                if len(boundaries) == 1:
                    raise StreamError(begin, "the file ends before the stream does: is it a whole download?")
            block = file.read(min(_READ_BYTES, boundaries[1] - position))
            position += len(block)
            try:
                data = decompressor.decompress(block)
            except OSError as error:
                raise StreamError(begin, f"not valid bz2 data ({error})") from error
            yield Chunk(begin, data, boundaries[1] if decompressor.eof else None)
        end = position - len(decompressor.unused_data)
        if end != boundaries[1]:
            raise StreamError(begin, f"ends at byte {end}, and what follows up to byte {boundaries[1]} is no bz2 stream")
        del boundaries[0]


_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    "": lambda file: file,
    ".bz2": bz2.BZ2File,
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".xz": lzma.LZMAFile,
}


def open_decompressed(file: BinaryIO, name: str) -> IO[bytes]:
    """The decompressed bytes of a file, by the ending of its name (.bz2, .gz, .xz; anything else is read as it is)."""
    opened: IO[bytes] = _OPENERS.get(PurePosixPath(name).suffix, _OPENERS[""])(file)
    return opened


def read_whole(file: BinaryIO, name: str) -> Iterator[Chunk]:
    """Decompress a file that is one unit of work, in chunks of the "stream" 0. Raises `StreamError`."""
    opened: Any = open_decompressed(file, name)
    try:
        # read1 gives what there is; read would lose a megabyte before a fault.
        while data := opened.read1(_READ_BYTES):
            yield Chunk(0, data)
    except DECOMPRESSION_ERRORS as error:
        raise StreamError(0, f"{name} cannot be decompressed to its end ({error}): is it a whole download?") from error
