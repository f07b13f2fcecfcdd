"""Where bz2 streams begin, and ranges of them."""

import bz2
import doctest
import io
import itertools

import pytest

import spark_jobs.dumps.stream_starts
from spark_jobs.dumps.stream_decompression import StreamError, read_streams
from spark_jobs.dumps.stream_starts import find_boundaries, group_streams, scan_streams

PARTS = [b"alpha " * 1000, b"", b"beta " * 5000, b"gamma"]
STREAMS = [bz2.compress(part) for part in PARTS]
FILE = b"".join(STREAMS)
STARTS = [sum(len(stream) for stream in STREAMS[:i]) for i in range(len(STREAMS))]


def read_all(data: bytes, boundaries: list[int], **limits: int) -> bytes:
    return b"".join(chunk.data for chunk in read_streams(io.BytesIO(data), boundaries, **limits))


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.stream_starts).failed == 0


def test_every_stream_is_found_and_empty_ones_too() -> None:
    assert scan_streams(io.BytesIO(FILE)) == STARTS


def test_a_signature_cut_by_a_read_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in range(10, 40):
        monkeypatch.setattr("spark_jobs.dumps.stream_starts._SCAN_BYTES", size)
        assert scan_streams(io.BytesIO(FILE)) == STARTS


@pytest.mark.parametrize("target", [1, 60, 100, 10_000])
def test_runs_cover_the_file_without_gap_or_overlap(target: int) -> None:
    runs = group_streams(STARTS, len(FILE), target)
    assert runs[0][0] == 0
    assert runs[-1][1] == len(FILE)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(runs))
    assert {start for start, _ in runs} <= set(STARTS)


@pytest.mark.parametrize("scan", [10, 16, 33, 2**20])
@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_ranges_of_bytes_own_each_stream_once(size: int, scan: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.stream_starts._SCAN_BYTES", scan)
    owned = []
    for begin in range(0, len(FILE), size):
        end = min(begin + size, len(FILE))
        boundaries = find_boundaries(io.BytesIO(FILE), begin, end, len(FILE), beyond=1)
        owned += [start for start in boundaries[:-1] if start < end]
        if boundaries:
            assert boundaries[-1] >= end
            read_all(FILE, list(boundaries))
    assert owned == STARTS


def test_a_file_that_does_not_begin_with_a_stream_is_refused() -> None:
    data = b"garbage" + FILE
    boundaries = find_boundaries(io.BytesIO(data), 0, len(data), len(data), beyond=1)
    assert boundaries == (0, *[7 + start for start in STARTS], len(data))
    with pytest.raises(StreamError, match="not valid bz2 data"):
        read_all(data, list(boundaries))
