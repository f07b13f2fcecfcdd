import bz2
import gzip
import io
import itertools
import lzma

import pytest

from spark_jobs.dumps.streams import StreamError, group_streams, read_streams, read_whole, scan_streams

PARTS = [b"alpha " * 1000, b"", b"beta " * 5000, b"gamma"]
STREAMS = [bz2.compress(part) for part in PARTS]
FILE = b"".join(STREAMS)
STARTS = [sum(len(stream) for stream in STREAMS[:i]) for i in range(len(STREAMS))]


def read_all(data: bytes, boundaries: list[int]) -> bytes:
    return b"".join(chunk.data for chunk in read_streams(io.BytesIO(data), boundaries))


def test_every_stream_is_found_empty_ones_too() -> None:
    assert scan_streams(io.BytesIO(FILE)) == STARTS


def test_a_signature_cut_by_a_read_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in range(10, 40):
        monkeypatch.setattr("spark_jobs.dumps.streams._SCAN_BYTES", size)
        assert scan_streams(io.BytesIO(FILE)) == STARTS


def test_streams_give_their_bytes_and_where_they_end() -> None:
    chunks = list(read_streams(io.BytesIO(FILE), [*STARTS, len(FILE)]))
    assert b"".join(chunk.data for chunk in chunks) == b"".join(PARTS)
    assert [chunk.next_stream for chunk in chunks if chunk.next_stream is not None] == [*STARTS[1:], len(FILE)]


def test_a_candidate_inside_a_stream_is_passed_over() -> None:
    false_start = STARTS[2] + 20
    assert read_all(FILE, [*STARTS[:3], false_start, STARTS[3], len(FILE)]) == b"".join(PARTS)


@pytest.mark.parametrize(
    ("data", "boundaries", "offset", "reason"),
    [
        (FILE[:-5], [*STARTS, len(FILE) - 5], STARTS[3], "ends before the stream does"),
        (FILE[: STARTS[2] + 20], [*STARTS[:3], STARTS[2] + 20], STARTS[2], "ends before the stream does"),
        (FILE + b"garbage", [*STARTS, len(FILE) + 7], STARTS[3], "is no bz2 stream"),
        (FILE, [STARTS[0] + 3, len(FILE)], STARTS[0] + 3, "not valid bz2 data"),
        (FILE[:30] + b"\xff" * 8 + FILE[38:], [*STARTS, len(FILE)], 0, "not valid bz2 data"),
    ],
)
def test_bytes_that_are_no_whole_stream_are_refused_with_their_place(
    data: bytes, boundaries: list[int], offset: int, reason: str
) -> None:
    with pytest.raises(StreamError, match=reason) as caught:
        read_all(data, boundaries)
    assert caught.value.offset == offset


@pytest.mark.parametrize("target", [1, 60, 100, 10_000])
def test_runs_cover_the_file_without_gap_or_overlap(target: int) -> None:
    runs = group_streams(STARTS, len(FILE), target)
    assert runs[0][0] == 0
    assert runs[-1][1] == len(FILE)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(runs))
    assert {start for start, _ in runs} <= set(STARTS)


@pytest.mark.parametrize(("ending", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_file_of_one_unit_is_read_whole_or_refused(ending: str, pack) -> None:
    data = pack(b"".join(PARTS))
    name = f"x.xml{ending}"
    assert b"".join(chunk.data for chunk in read_whole(io.BytesIO(data), name)) == b"".join(PARTS)
    if ending:
        with pytest.raises(StreamError, match="is it a whole download"):
            list(read_whole(io.BytesIO(data[:-10]), name))
