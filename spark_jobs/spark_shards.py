"""Rows of a DataFrame to shards: sorted by Spark, written by pyarrow in the tasks, reported to the driver."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.shards import ShardReport, ShardWriter, shard_name
from spark_jobs.storage import Location

REPORT_SCHEMA = "name string, attempt string, rows long, bytes long, sha256 string, row_hash string, counters map<string,long>"


_REPORT_FIELDS = pa.schema(
    [
        ("name", pa.string()),
        ("attempt", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("sha256", pa.string()),
        ("row_hash", pa.string()),
        ("counters", pa.map_(pa.string(), pa.int64())),
    ]
)


def report_batch(reports: Sequence[ShardReport]) -> pa.RecordBatch:
    """Reports as a batch that a task can yield (`REPORT_SCHEMA`); the 128-bit hash travels as hex digits."""
    rows = [{**vars(r), "row_hash": f"{r.row_hash:x}", "counters": list(r.counters.items())} for r in reports]
    return pa.RecordBatch.from_pylist(rows, schema=_REPORT_FIELDS)


def report_of(row: Row) -> ShardReport:
    """The report that `report_batch` made, on the driver. Of a task that ran twice Spark gives one result, so one report."""
    fields = {name: row[name] for name in _REPORT_FIELDS.names}
    return ShardReport(**{**fields, "row_hash": int(row["row_hash"], 16)})


def write_shards(
    frame: DataFrame,
    shards: int,
    order: Sequence[str],
    attempts: Location,
    schema: pa.Schema,
    row_group_rows: int,
    count: Callable[[Mapping[str, Any]], Mapping[str, int]] = lambda _: {},
) -> list[ShardReport]:
    """Write `frame` to `shards` shards. Column `shard` (int) says which; rows are sorted by `order`, a unique key.

    Columns are cast to `schema` where they are written; columns that it does not name are left out. Every shard is written,
    empty ones too, so that a table without rows still has a file with its schema. `count` says what a row adds to the
    report's counters.
    """
    names = schema.names

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows: Iterator[dict[str, Any]] = (row for batch in batches for row in batch.to_pylist())
        for shard, members in groupby(rows, key=lambda row: row["shard"]):
            with ShardWriter(attempts, shard_name(shard), schema, row_group_rows) as writer:
                for row in members:
                    if not row["is_marker"]:
                        writer.write({name: row[name] for name in names})
                        writer.counters.update(count(row))
            yield report_batch([writer.report])

    marked = frame.withColumn("is_marker", F.lit(False))
    markers = frame.sparkSession.range(shards).select(F.col("id").cast("int").alias("shard"), F.lit(True).alias("is_marker"))
    everything = marked.unionByName(markers, allowMissingColumns=True)
    arranged = everything.repartitionById(shards, F.col("shard")).sortWithinPartitions("shard", F.desc("is_marker"), *order)
    return [report_of(row) for row in arranged.mapInArrow(write, REPORT_SCHEMA).collect()]
