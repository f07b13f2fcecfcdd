"""Compressed dumps as chunks of decompressed bytes: the streams of a multistream bz2 file, or a file of another kind as a whole.

Memory is bounded for any input: a step gives at most one bz2 block (46 MB; 1 MB of text), and a bz2 stream whose output is out of
all proportion to its size is refused as a decompression bomb (`read_streams`).
"""

import bz2
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from spark_jobs.dumps.compressed_files import DECOMPRESSION_ERRORS, open_decompressed

_READ_BYTES = 2**20
# A bz2 block is 200 kB or more of compressed text. A damaged block costs the step that meets it, so steps are smaller.
_STEP_BYTES = 128 * 2**10
# The most that one block can give: 900,000 bytes, of which five encode up to 259.
_MAX_BLOCK_BYTES = 46 * 2**20
MAX_STREAM_BYTES = 4 * 2**30
"""Bytes that a bz2 stream may give, however small it is (100 pages of Wikipedia give less than 100 MB)."""
MAX_STREAM_RATIO = 100
"""Bytes that a bz2 stream may give for each compressed byte, beyond `MAX_STREAM_BYTES`: text gives 4 to 30, a bomb a million."""
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
class StreamChunk:
    """Decompressed bytes of the stream that begins at the compressed offset `stream_offset`.

    `next_stream` is set on the last chunk of a stream: the compressed offset at which the stream ends.
    """

    stream_offset: int
    data: bytes
    next_stream: int | None = None


def read_streams(
    file: BinaryIO, boundaries: Sequence[int], max_bytes: int = MAX_STREAM_BYTES, max_ratio: int = MAX_STREAM_RATIO
) -> Iterator[StreamChunk]:
    """Decompress consecutive bz2 streams lazily, in chunks.

    `boundaries` are the candidate starts of the streams to read, in order, and last the offset at which the last stream ends. A
    candidate inside a stream is ignored. The bytes of a block are given after its checksum was verified: the blocks before a
    damaged one are given in full, and nothing of the damaged one.

    Raises `StreamError` for bytes that are not a whole bz2 stream, and for a decompression bomb: a stream that gives more than
    `max_bytes` and more than `max_ratio` times its compressed bytes. A dump that is one stream of 100 GB is accepted.
    """
    boundaries = list(boundaries)
    while len(boundaries) > 1:
        begin, position, given, block = boundaries[0], boundaries[0], 0, b""
        decompressor = bz2.BZ2Decompressor()
        file.seek(begin)
        while not decompressor.eof:
            if not block:
                if position == boundaries[1]:
                    del boundaries[1]  # inside the stream: this candidate was not a start
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
                    yield StreamChunk(begin, data)
            except OSError as error:
                raise StreamError(begin, f"not valid bz2 data ({error})") from error
        end = position - len(decompressor.unused_data)
        # The end of the stream, not the next start that the scan found: a stream with a damaged signature may be in between.
        yield StreamChunk(begin, b"", end)
        if end != boundaries[1]:
            # The stream before was whole, so the error has the offset at which it ended.
            raise StreamError(end, f"what follows the stream at byte {begin}, up to byte {boundaries[1]}, is no bz2 stream")
        del boundaries[0]


def _decompress(decompressor: bz2.BZ2Decompressor, step: bytes) -> Iterator[bytes]:
    """The verified output of the next compressed bytes. Raises OSError.

    libbz2 verifies a block when its last byte has been fetched, and Python may leave some bytes to the next call, even when
    `needs_input` is true. So they are fetched before anything is given. Where the output is cut at its limit, which is above the
    output of one block, everything before the last piece is verified.
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


def read_whole(file: BinaryIO, name: str) -> Iterator[StreamChunk]:
    """Decompress a file that one task reads as a whole, in chunks of the "stream" 0. Raises `StreamError`.

    The output has no limit, because a whole dump may be one stream of 100 GB. Memory: one chunk.
    """
    opened: Any = open_decompressed(file, name)
    is_empty = True
    try:
        # read1 gives the bytes decompressed so far; read would lose a megabyte before an error.
        while data := opened.read1(_READ_BYTES):
            is_empty = False
            yield StreamChunk(0, data)
    except DECOMPRESSION_ERRORS as error:
        raise StreamError(0, f"{name} cannot be decompressed to its end ({error}): is it a whole download?") from error
    if is_empty:
        raise StreamError(0, f"{name} is empty: is it a whole download?")
