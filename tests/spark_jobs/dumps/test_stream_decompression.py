"""Decompression of streams and whole files: damage, truncation, decompression bombs."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tracemalloc

import pyarrow as pa
import pytest

from spark_jobs.dumps.stream_decompression import StreamError, read_streams, read_whole

PARTS = [b"alpha " * 1000, b"", b"beta " * 5000, b"gamma"]
STREAMS = [bz2.compress(part) for part in PARTS]
FILE = b"".join(STREAMS)
STARTS = [sum(len(stream) for stream in STREAMS[:i]) for i in range(len(STREAMS))]


def read_all(data: bytes, boundaries: list[int], **limits: int) -> bytes:
    return b"".join(chunk.data for chunk in read_streams(io.BytesIO(data), boundaries, **limits))


def test_streams_give_their_bytes_and_where_they_end() -> None:
    chunks = list(read_streams(io.BytesIO(FILE), [*STARTS, len(FILE)]))
    assert b"".join(chunk.data for chunk in chunks) == b"".join(PARTS)
    assert [chunk.next_stream for chunk in chunks if chunk.next_stream is not None] == [*STARTS[1:], len(FILE)]


def test_a_candidate_inside_a_stream_is_ignored() -> None:
    false_start = STARTS[2] + 20
    assert read_all(FILE, [*STARTS[:3], false_start, STARTS[3], len(FILE)]) == b"".join(PARTS)


@pytest.mark.parametrize(
    ("data", "boundaries", "offset", "reason"),
    [
        (FILE[:-5], [*STARTS, len(FILE) - 5], STARTS[3], "ends before the stream does"),
        (FILE[: STARTS[2] + 20], [*STARTS[:3], STARTS[2] + 20], STARTS[2], "ends before the stream does"),
        (FILE[:-5], [*STARTS, len(FILE)], STARTS[3], "ends at byte .*, before the stream does"),
        (FILE + b"garbage", [*STARTS, len(FILE) + 7], len(FILE), "is no bz2 stream"),
        (FILE, [STARTS[0] + 3, len(FILE)], STARTS[0] + 3, "not valid bz2 data"),
        (FILE[:30] + b"\xff" * 8 + FILE[38:], [*STARTS, len(FILE)], 0, "not valid bz2 data"),
        # the signature itself is damaged, so the scan did not find the stream: the error has its offset
        (FILE[: STARTS[2]] + b"bad" + FILE[STARTS[2] + 3 :], [*STARTS[:2], STARTS[3], len(FILE)], STARTS[2], "is no bz2 stream"),
    ],
)
def test_bytes_that_are_not_a_whole_stream_are_refused_with_their_offset(
    data: bytes, boundaries: list[int], offset: int, reason: str
) -> None:
    with pytest.raises(StreamError, match=reason) as caught:
        read_all(data, boundaries)
    assert caught.value.offset == offset


def read_until_damage(data: bytes, boundaries: list[int]) -> bytes:
    """The bytes before the damage."""
    given = []
    with pytest.raises(StreamError, match="not valid bz2 data"):
        given.extend(chunk.data for chunk in read_streams(io.BytesIO(data), boundaries))
    return b"".join(given)


# Blocks of 100,000 bytes, of which each takes about that much.
BLOCKS = random.Random(1).randbytes(450_000)
COMPRESSED = bz2.compress(BLOCKS, 1)


@pytest.mark.parametrize("step", [1000, 128 * 2**10])
def test_blocks_before_a_damaged_one_are_given_and_nothing_of_it(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.stream_decompression._STEP_BYTES", step)
    data = COMPRESSED[:280_000] + bytes(10) + COMPRESSED[280_010:]  # in the third block
    assert read_until_damage(data, [0, len(data)]) == BLOCKS[: 2 * (100_000 - 19)]


def test_a_checksum_is_verified_before_any_byte_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    # When a step ends with a block's last bit, Python gives its first 32 KiB and `needs_input` is true.
    whole = bz2.compress(bytes(500_000) + b"x" * 500_000)
    wrong = whole[:10] + bytes(4) + whole[14:]
    for step in range(1, len(whole)):
        monkeypatch.setattr("spark_jobs.dumps.stream_decompression._STEP_BYTES", step)
        assert read_all(whole, [0, len(whole)]) == bytes(500_000) + b"x" * 500_000
        assert read_until_damage(wrong, [0, len(wrong)]) == b""


def test_a_decompression_bomb_is_refused_in_bounded_memory() -> None:
    bomb = bz2.compress(bytes(300 * 2**20))
    assert len(bomb) < 1000
    file = io.BytesIO(STREAMS[0] + bomb)
    tracemalloc.start()
    given: list[int] = []
    chunks = read_streams(file, [0, len(STREAMS[0]), len(STREAMS[0] + bomb)], max_bytes=100 * 2**20)
    with pytest.raises(StreamError, match="decompression bomb") as caught:
        given.extend(len(chunk.data) for chunk in chunks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.offset == len(STREAMS[0])
    assert sum(given) <= 100 * 2**20 + len(PARTS[0])
    assert peak < 200 * 2**20  # a few times the most that a block gives


def test_a_large_stream_of_ordinary_proportions_is_accepted() -> None:
    text = random.Random(0).randbytes(50_000) + bytes(100_000)
    data = bz2.compress(text)
    assert read_all(data, [0, len(data)], max_bytes=1000) == text
    with pytest.raises(StreamError, match=r"gives 150,000 bytes for 50,"):
        read_all(data, [0, len(data)], max_bytes=1000, max_ratio=2)


def compress_zstd(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


SKIPPABLE_FRAME = struct.pack("<II", 0x184D2A50, 4) + b"meta"
WHOLE = b"".join(PARTS)
HALVES = (WHOLE[:700], WHOLE[700:])


@pytest.mark.parametrize(
    ("ending", "data"),
    [
        ("", WHOLE),
        (".bz2", bz2.compress(WHOLE)),
        (".bz2", FILE),
        (".gz", gzip.compress(WHOLE)),
        (".gz", b"".join(map(gzip.compress, HALVES))),
        (".xz", lzma.compress(WHOLE)),
        (".xz", b"".join(map(lzma.compress, HALVES))),
        (".zst", compress_zstd(WHOLE)),
        (".zst", b"".join(map(compress_zstd, HALVES))),
        (".zst", SKIPPABLE_FRAME + compress_zstd(HALVES[0]) + SKIPPABLE_FRAME + compress_zstd(HALVES[1])),
    ],
    ids=["plain", "bz2", "bz2 of several streams", "gz", "gz of members", "xz", "xz of streams", "zst", "zst of frames", "pzstd"],
)
def test_a_file_of_one_unit_is_read_whole_or_refused(ending: str, data: bytes) -> None:
    name = f"x.xml{ending}"
    assert b"".join(chunk.data for chunk in read_whole(io.BytesIO(data), name)) == WHOLE
    if ending:
        with pytest.raises(StreamError, match="is it a whole download"):
            list(read_whole(io.BytesIO(data[:-10]), name))
        with pytest.raises(StreamError, match="cannot be decompressed"):
            list(read_whole(io.BytesIO(b"<html>no dump</html>"), name))
    with pytest.raises(StreamError, match="is it a whole download"):
        list(read_whole(io.BytesIO(b""), name))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, compress_zstd, bz2.compress], ids=["gz", "xz", "zst", "bz2"])
def test_a_file_of_zeros_is_read_in_bounded_memory(pack) -> None:
    ending = {gzip.compress: ".gz", lzma.compress: ".xz", compress_zstd: ".zst", bz2.compress: ".bz2"}[pack]
    file = io.BytesIO(pack(bytes(50 * 2**20)))
    tracemalloc.start()
    assert sum(len(chunk.data) for chunk in read_whole(file, f"x{ending}")) == 50 * 2**20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20  # xz keeps a dictionary of 8 MiB
