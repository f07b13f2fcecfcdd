"""Shards as JSON lines."""

import gzip
import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from spark_jobs.common.storage import Location
from spark_jobs.contract.row_hash import sum_of_rows
from spark_jobs.publishing.json_lines import SUFFIXES, JsonLinesWriter
from spark_jobs.publishing.shard_writer import ShardReport

SCHEMA = pa.schema([("page_id", pa.int64()), ("text", pa.string())])
ROWS = pa.Table.from_pydict({"further": [0, 0, 0], "text": ["日本\n", None, '"'], "page_id": [1, 2, 3]})
LINES = r"""{"wiki": "xwiki", "page_id": 1, "text": "日本\n"}
{"wiki": "xwiki", "page_id": 2, "text": null}
{"wiki": "xwiki", "page_id": 3, "text": "\""}
"""


def write(folder: Path, compression, *tables: pa.Table) -> ShardReport:
    with JsonLinesWriter(Location.of(str(folder)), "part-00000.jsonl", SCHEMA, compression, {"wiki": "xwiki"}) as writer:
        for table in tables:
            writer.write(table)
        writer.counters["names"] += 2
    return writer.report


def read(path: Path, compression: str) -> bytes:
    data = path.read_bytes()
    if compression == "zstd":
        content: bytes = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
        return content
    return gzip.decompress(data) if compression == "gzip" else data


def test_rows_without_a_column_of_the_schema_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="page_id"):
        write(tmp_path, "none", ROWS.drop_columns("page_id"))


@pytest.mark.parametrize("compression", SUFFIXES)
def test_a_shard_without_rows_is_an_empty_file(tmp_path: Path, compression: str) -> None:
    report = write(tmp_path, compression)
    assert (report.rows, report.row_hash, read(tmp_path / report.attempt, compression)) == (0, 0, b"")


@pytest.mark.parametrize("compression", SUFFIXES)
def test_a_report_describes_its_file(tmp_path: Path, compression: str) -> None:
    report = write(tmp_path, compression, ROWS.slice(0, 1), ROWS.slice(1))
    data = (tmp_path / report.attempt).read_bytes()
    assert read(tmp_path / report.attempt, compression).decode() == LINES
    assert (report.name, report.rows, report.counters) == ("part-00000.jsonl", 3, {"names": 2})
    assert (report.bytes, report.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_the_hash_of_rows_leaves_the_constants_out(tmp_path: Path) -> None:
    assert write(tmp_path, "none", ROWS).row_hash == sum_of_rows(ROWS.select(SCHEMA.names)) != 0


@pytest.mark.parametrize("compression", SUFFIXES)
def test_the_same_rows_give_the_same_bytes_under_different_attempt_names(tmp_path: Path, compression: str) -> None:
    first, second = (write(tmp_path, compression, ROWS) for _ in range(2))
    assert first.attempt != second.attempt
    assert first.sha256 == second.sha256
