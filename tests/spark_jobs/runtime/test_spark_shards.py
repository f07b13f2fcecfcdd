"""Shards in and out of Spark tasks."""

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.common.storage import Location
from spark_jobs.publishing.shard_writer import ShardReport, shard_name
from spark_jobs.runtime.spark_shards import read_shards, report_from_row, reports_to_batch, split_by_shard, write_shards

SCHEMA = pa.schema([pa.field("page_id", pa.int64(), nullable=False), pa.field("title", pa.string(), nullable=False)])
REPORT = ShardReport("part-00003.parquet", "part-00003.parquet.x", 2, 10, "ab", 2**128 - 1, {"links": 3})


def batch(*shards: int) -> pa.RecordBatch:
    """Rows numbered within the batch, with their shards."""
    return pa.RecordBatch.from_pydict({"shard": pa.array(shards, pa.int32()), "row": list(range(len(shards)))})


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([], []),
        ([batch()], []),
        ([batch(2, 2)], [(2, [[0, 1]])]),
        ([batch(0, 1, 1, 3)], [(0, [[0]]), (1, [[1, 2]]), (3, [[3]])]),
        ([batch(0, 1), batch(), batch(1, 1), batch(1, 2)], [(0, [[0]]), (1, [[1], [0, 1], [0]]), (2, [[1]])]),
    ],
    ids=["no batch", "an empty batch", "one shard", "several shards", "a shard of several batches"],
)
def test_batches_are_cut_where_the_shard_changes(batches: list[pa.RecordBatch], expected: list) -> None:
    found = [(shard, [piece.column("row").to_pylist() for piece in pieces]) for shard, pieces in split_by_shard(batches)]
    assert found == expected


def test_a_report_travels_with_its_hash_of_128_bits(spark) -> None:
    rows = spark.createDataFrame(pa.Table.from_batches([reports_to_batch([REPORT])])).collect()
    assert [report_from_row(row) for row in rows] == [REPORT]


@pytest.fixture
def reports(spark, tmp_path: Path) -> list[ShardReport]:
    """Three shards, of which the middle one has no rows."""
    rows = [(2, 5, "e"), (0, 3, "c"), (2, 4, "d"), (0, 1, "a"), (0, 2, "b")]
    frame = spark.createDataFrame(rows, "shard int, page_id long, title string")

    def finish(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
        return batch, {"rows": batch.num_rows}

    return write_shards(frame, 3, ["page_id"], Location.of(str(tmp_path)), SCHEMA, 2, finish)


def test_every_shard_is_written_in_order_even_without_rows(reports: list[ShardReport], tmp_path: Path) -> None:
    ordered = sorted(reports, key=lambda report: report.name)
    tables = [pq.read_table(tmp_path / report.attempt) for report in ordered]
    assert [table.schema for table in tables] == [SCHEMA] * 3
    assert [table.to_pydict() for table in tables] == [
        {"page_id": [1, 2, 3], "title": ["a", "b", "c"]},
        {"page_id": [], "title": []},
        {"page_id": [4, 5], "title": ["d", "e"]},
    ]
    assert [(report.name, report.rows, report.counters) for report in ordered] == [
        (shard_name(index), rows, {"rows": rows}) for index, rows in enumerate((3, 0, 2))
    ]


def test_shards_are_read_by_one_task_each_with_their_index(spark, reports: list[ShardReport], tmp_path: Path) -> None:
    for report in reports:
        (tmp_path / report.attempt).rename(tmp_path / report.name)
    manifest = SimpleNamespace(shards=[SimpleNamespace(path=shard_name(index)) for index in range(3)])
    place = Location.of(str(tmp_path))
    frame = read_shards(spark, place, manifest, ["title"], "title string")
    assert frame.rdd.getNumPartitions() == 3
    assert [row.title for row in frame.collect()] == ["a", "b", "c", "d", "e"]

    def number(shard: int, batches) -> list[pa.RecordBatch]:
        pages = [page for batch in batches for page in batch.column("page_id").to_pylist()]
        return [pa.RecordBatch.from_pydict({"shard": [shard], "pages": [sum(pages)]})]

    numbered = read_shards(spark, place, manifest, ["page_id"], "shard long, pages long", number)
    assert [tuple(row) for row in numbered.collect()] == [(0, 6), (1, 0), (2, 9)]
