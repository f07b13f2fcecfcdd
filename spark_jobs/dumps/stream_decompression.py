"""Compressed dumps as independently readable streams of bytes.

A multistream bz2 file is a concatenation of complete bz2 streams, each on a byte boundary (Wikimedia puts 100 pages in
each). A stream begins with `BZh`, its block size as a digit, and then either the magic number of a block or, if the stream
is empty, that of the stream's end (https://en.wikipedia.org/wiki/Bzip2#File_format). Those ten bytes are searched for
directly: faster than reading the index file, which is itself a large bz2 file. Ten given bytes can occur inside a stream by
chance (once in 10^22 bytes); since a stream must end exactly where the next begins, `read_streams` recognises such a place when
it decompresses the stream before it, and reads over it.

Memory is bounded whatever the bytes are: no step gives more than one bz2 block does at most (46 MB; of text, 1 MB), and a bz2
stream that gives out of all proportion to its size is given up (`read_streams`).
"""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO

import pyarrow as pa

_STREAM_START = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_SIGNATURE_BYTES = 10
_SCAN_BYTES = 16 * 2**20
_READ_BYTES = 2**20
# A bz2 block is 200 kB or more of compressed text. What a damaged one costs is the step that meets it, so steps are smaller.
_STEP_BYTES = 128 * 2**10
# What one block gives at most: 900,000 bytes, of which five stand for up to 259.
_MAX_BLOCK_BYTES = 46 * 2**20
MAX_STREAM_BYTES = 4 * 2**30
"""What a bz2 stream may give, however small it is (100 pages of Wikipedia give less than 100 MB)."""
MAX_STREAM_RATIO = 100
"""How many bytes a bz2 stream may give for one of its own, beyond `MAX_STREAM_BYTES`: text gives 4 to 30, a bomb a million."""
DECOMPRESSION_ERRORS = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What Python's decompressors raise on bytes that are not theirs, or that end too early."""
_BOMB = (
    "gives {:,} bytes for {:,} of its own, and maybe more: no dump packs like this, but a decompression bomb does; download it "
    "again and compare the checksum"
)


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
    return list(_iterate_starts(file, 0, on_block))


def _iterate_starts(
    file: BinaryIO, position: int, on_block: Callable[[bytes], object] = len, end: int | None = None
) -> Iterator[int]:
    """`scan_streams` from where the file stands, which is at `position`, lazily, up to byte `end` of the file."""
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
    """The stream starts in bytes `begin` to `end` of a bz2 file of `size` bytes, and what is needed to finish their last page.

    For a task that owns a range of bytes: it scans its own range, so that nobody reads the whole file first. Returns the starts
    in `[begin, end)`, up to `beyond` starts after them, and `size` last if the file ends before that; empty if no stream begins
    in the range. Offset 0 counts as a start whatever is there, so that a file that is no bz2 is refused when it is read.

    >>> import io
    >>> data = bz2.compress(b"a") + bz2.compress(b"b")
    >>> find_boundaries(io.BytesIO(data), 0, 10, len(data), beyond=2), find_boundaries(io.BytesIO(data), 38, 74, len(data), 2)
    ((0, 37, 74), ())
    """
    file.seek(begin)
    own = [start for start in _iterate_starts(file, begin, end=end + _SIGNATURE_BYTES - 1) if 0 < start < end]
    starts = [0, *own] if begin == 0 else own
    if not starts:
        return ()
    file.seek(end)
    following = [*islice(_iterate_starts(file, end), beyond)]
    return (*starts, *following) if len(following) == beyond else (*starts, *following, size)


def read_streams(
    file: BinaryIO, boundaries: Sequence[int], max_bytes: int = MAX_STREAM_BYTES, max_ratio: int = MAX_STREAM_RATIO
) -> Iterator[Chunk]:
    """Decompress consecutive bz2 streams lazily, in chunks.

    `boundaries` are the candidate starts of the streams to read, in order, and last the offset at which the last of them
    ends. A candidate that lies inside a stream is passed over. Bytes are given when the checksum of their block has been found
    right, so that the blocks before a damaged one are given, and nothing of it.

    Raises `StreamError` for bytes that are no whole bz2 stream, and for a stream that gives more than `max_bytes` and more than
    `max_ratio` times its own bytes: a decompression bomb. A dump that is one stream of 100 GB is none.
    """
    boundaries = list(boundaries)
    while len(boundaries) > 1:
        begin, position, given, block = boundaries[0], boundaries[0], 0, b""
        decompressor = bz2.BZ2Decompressor()
        file.seek(begin)
        while not decompressor.eof:
            if not block:
                if position == boundaries[1]:
                    del boundaries[1]  # the stream goes on: this candidate was no start
                    if len(boundaries) == 1:
                        raise StreamError(begin, "the file ends before the stream does: is it a whole download?")
                block = file.read(min(_READ_BYTES, boundaries[1] - position))
                if not block:
                    raise StreamError(begin, f"the file ends at byte {position}, before the stream does: is it a whole download?")
            step, block = block[:_STEP_BYTES], block[_STEP_BYTES:]
            position += len(step)
            try:
                for data in _decompress(decompressor, step):
                    given += len(data)
                    if given > max(max_bytes, max_ratio * (position - begin)):
                        raise StreamError(begin, _BOMB.format(given, position - begin))
                    yield Chunk(begin, data)
            except OSError as error:
                raise StreamError(begin, f"not valid bz2 data ({error})") from error
        end = position - len(decompressor.unused_data)
        # Where the stream ended, not where the next is thought to begin: between them may lie one whose signature is damaged.
        yield Chunk(begin, b"", end)
        if end != boundaries[1]:
            # The fault is named where it is: what was read is a whole stream.
            raise StreamError(end, f"what follows the stream at byte {begin}, up to byte {boundaries[1]}, is no bz2 stream")
        del boundaries[0]


def _decompress(decompressor: bz2.BZ2Decompressor, step: bytes) -> Iterator[bytes]:
    """What the next compressed bytes give, as far as it is verified. Raises OSError.

    libbz2 verifies a block when the last byte of it has been fetched, and Python may leave some of them to the next call, even
    when it says that it needs input. So they are fetched before anything is given. Where the output is cut at its limit, which
    is above what a block gives, everything before the last piece is verified.
    """
    pieces = [decompressor.decompress(step, _MAX_BLOCK_BYTES)]
    while not decompressor.eof:
        piece = decompressor.decompress(b"", _MAX_BLOCK_BYTES)
        if not piece and decompressor.needs_input:
            break
        if len(piece) == _MAX_BLOCK_BYTES:
            yield b"".join(pieces)
            pieces = []
        pieces.append(piece)
    if any(pieces):
        yield b"".join(pieces)


_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    "": lambda file: file,
    ".bz2": bz2.BZ2File,
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".xz": lzma.LZMAFile,
    ".zst": lambda file: pa.CompressedInputStream(file, "zstd"),
}


def open_decompressed(file: BinaryIO, name: str) -> IO[bytes]:
    """The decompressed bytes of a file, by the ending of its name (.bz2, .gz, .xz, .zst; anything else is read as it is).

    Files of several bz2 streams, gzip members, xz streams or zstd frames are read to their end, as one.
    """
    opened: IO[bytes] = _OPENERS.get(PurePosixPath(name).suffix, _OPENERS[""])(file)
    return opened


def read_whole(file: BinaryIO, name: str) -> Iterator[Chunk]:
    """Decompress a file that is one unit of work, in chunks of the "stream" 0. Raises `StreamError`.

    There is no limit on what the file gives, because a whole dump may be one stream of 100 GB; memory is that of a chunk.
    """
    opened: Any = open_decompressed(file, name)
    is_empty = True
    try:
        # read1 gives what there is; read would lose a megabyte before a fault.
        while data := opened.read1(_READ_BYTES):
            is_empty = False
            yield Chunk(0, data)
    except DECOMPRESSION_ERRORS as error:
        raise StreamError(0, f"{name} cannot be decompressed to its end ({error}): is it a whole download?") from error
    if is_empty:
        raise StreamError(0, f"{name} is empty: is it a whole download?")
