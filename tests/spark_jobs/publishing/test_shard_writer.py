import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.common.storage import Location
from spark_jobs.contract.row_hash import add_hashes
from spark_jobs.contract.table_schemas import NAMES
from spark_jobs.publishing.shard_writer import ShardWriter, shard_name

ROWS = [
    {"title": f"t{i}", "page_id": i, "names": [{"language": "en", "title": f"T{i}", "source": "langlink"}]} for i in range(25)
]


def write_shard(folder, rows, index=0, group=10):
    location = Location.of(str(folder))
    with ShardWriter(location, shard_name(index), NAMES.schema, group) as writer:
        writer.write_rows(list(rows))
    return writer.report


def test_a_report_describes_its_file(tmp_path) -> None:
    report = write_shard(tmp_path, ROWS)
    data = (tmp_path / report.attempt).read_bytes()
    assert (report.rows, report.bytes, report.sha256) == (25, len(data), hashlib.sha256(data).hexdigest())
    parquet = pq.ParquetFile(tmp_path / report.attempt)
    assert parquet.read().to_pylist() == ROWS
    assert [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)] == [10, 10, 5]
    assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"


def test_files_hold_the_schema_version_and_a_description_of_every_column(tmp_path) -> None:
    metadata = pq.read_metadata(tmp_path / write_shard(tmp_path, ROWS).attempt).metadata
    assert metadata[b"leia.schema_version"] == b"1.0"
    assert metadata[b"leia.table"] == b"names"
    assert json.loads(metadata[b"leia.columns"]).keys() == set(NAMES.schema.names)


def test_the_same_rows_give_the_same_bytes_under_different_attempt_names(tmp_path) -> None:
    first, second = write_shard(tmp_path, ROWS), write_shard(tmp_path, ROWS)
    assert first.attempt != second.attempt
    assert (tmp_path / first.attempt).read_bytes() == (tmp_path / second.attempt).read_bytes()


@pytest.mark.parametrize("sizes", [[25], [1] * 25, [7, 7, 7, 4], [10, 10, 5], [0, 24, 1]])
def test_the_file_does_not_depend_on_the_batches_of_rows(tmp_path, sizes) -> None:
    whole = write_shard(tmp_path, ROWS)
    table = pa.Table.from_pylist(ROWS)  # nullable fields, as from Spark
    with ShardWriter(Location.of(str(tmp_path)), shard_name(0), NAMES.schema, 10) as writer:
        start = 0
        for size in sizes:
            writer.write(table.slice(start, size))
            start += size
    assert (writer.report.sha256, writer.report.row_hash, writer.report.rows) == (whole.sha256, whole.row_hash, 25)


def test_the_hash_of_rows_does_not_depend_on_order_or_split(tmp_path) -> None:
    whole = write_shard(tmp_path, ROWS).row_hash
    parts = [write_shard(tmp_path, ROWS[20:]).row_hash, write_shard(tmp_path, reversed(ROWS[:20]), group=3).row_hash]
    assert add_hashes(parts) == add_hashes([whole])
    assert add_hashes([whole]) != add_hashes([write_shard(tmp_path, ROWS[:-1]).row_hash])
