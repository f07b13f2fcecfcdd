"""Reads that are retried, and errors that are not."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data import read_retries
from training.data.corpus_errors import CorpusError
from training.data.read_retries import read_with_retries


def test_passing_errors_are_retried_and_permanent_ones_are_not(monkeypatch):
    monkeypatch.setattr(read_retries, "FIRST_WAIT", 0.001)
    for error, expected_calls in ((OSError("reset"), 3), (FileNotFoundError("gone"), 1), (PermissionError("no"), 1)):
        calls = []

        def action(error=error, calls=calls):
            calls.append(1)
            raise error

        with pytest.raises(CorpusError, match=f"the shard could not be read.*{error}"):
            read_with_retries(action, "the shard", 3)
        assert len(calls) == expected_calls


def test_a_failed_attempt_is_logged(monkeypatch, caplog):
    monkeypatch.setattr(read_retries, "FIRST_WAIT", 0.001)
    outcomes = iter([OSError("reset"), 7])

    def action():
        if isinstance(outcome := next(outcomes), OSError):
            raise outcome
        return outcome

    assert read_with_retries(action, "the shard", 3) == 7
    assert re.search(r"the shard: attempt 1 of 3 failed, the next in \d\.\d s: reset", caplog.text)


# Content without a checksum is found to be damaged only where the codec has one.
DAMAGED_PAGES = [
    *[(compression, place, True) for compression in ("zstd", "snappy", "gzip", "none") for place in ("header", "content")],
    ("gzip", "content", False),
    ("zstd", "header", False),
]


@pytest.mark.parametrize(("compression", "place", "checksums"), DAMAGED_PAGES)
def test_damage_to_a_page_is_not_retried(tmp_path, caplog, compression, place, checksums):
    path = tmp_path / "part.parquet"
    values = np.random.default_rng(0).integers(0, 1 << 30, 5000)
    pq.write_table(pa.table({"a": values}), path, compression=compression, use_dictionary=False, write_page_checksum=checksums)
    data = bytearray(path.read_bytes())
    at = 5 if place == "header" else len(data) // 4
    data[at : at + 40] = bytes(byte ^ 0xA5 for byte in data[at : at + 40])
    path.write_bytes(data)
    reads = []

    def read():
        reads.append(1)
        return pq.ParquetFile(path, page_checksum_verification=True).read()

    with pytest.raises((CorpusError, pa.ArrowInvalid), match=r"damaged|[Pp]age|Invalid"):
        read_with_retries(read, "the shard", 5)
    assert (len(reads), caplog.text) == (1, "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError("page integrity, CRC checksum verification failed for page_ordinal 0"), "the shard is damaged"),
        (OSError("GZipCodec failed: incorrect data check"), "the shard is damaged"),
        (
            OSError("When reading object: AWS Error ACCESS_DENIED during HeadObject operation"),
            "the shard could not be read: When",
        ),
        (OSError("AWS Error NO_SUCH_BUCKET during GetObject operation: gone"), "the shard could not be read: AWS"),
    ],
    ids=str,
)
def test_errors_that_last_are_raised_at_once(caplog, error, message):
    calls = []

    def action():
        calls.append(1)
        raise error

    with pytest.raises(CorpusError, match=message):
        read_with_retries(action, "the shard", 5)
    assert (len(calls), caplog.text) == (1, "")


@pytest.mark.parametrize(
    "error",
    [
        OSError("AWS Error NETWORK_CONNECTION during GetObject"),
        ConnectionResetError(104, "reset"),
        OSError(5, "Input/output error"),
    ],
    ids=str,
)
def test_errors_that_may_pass_are_retried(monkeypatch, error):
    monkeypatch.setattr(read_retries, "FIRST_WAIT", 0.001)
    outcomes = iter([error, 7])

    def action():
        if isinstance(outcome := next(outcomes), OSError):
            raise outcome
        return outcome

    assert read_with_retries(action, "the shard", 2) == 7
