"""Shards and DataFrames: published Parquet read by pyarrow in the tasks, rows sorted by Spark and written by pyarrow again.

Reading in the tasks keeps nested columns out of the JVM, and needs no file system of Hadoop's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.shards import ShardReport, ShardWriter, shard_index, shard_name
from spark_jobs.storage import Location
from spark_jobs.tables import Manifest

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


def read_shards(
    spark: SparkSession,
    folder: Location,
    manifest: Manifest,
    columns: Sequence[str],
    schema: str,
    arrange: Callable[[int, pa.RecordBatch], pa.RecordBatch] = lambda _, batch: batch,
) -> DataFrame:
    """The columns (or leaves, `links.list.element.target`) of a published table; a task reads a shard.

    `arrange` makes of a shard's index and each of its row groups what the Spark `schema` says; by default nothing is changed.
    """

    paths = [shard.path for shard in manifest.shards]

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path in map(paths.__getitem__, batch.column("id").to_pylist()):
                with (folder / path).open() as file:
                    for rows in pq.ParquetFile(file).iter_batches(columns=list(columns)):
                        yield arrange(shard_index(path), rows)

    return spark.range(0, len(paths), numPartitions=len(paths)).mapInArrow(read, schema)


def write_shards(
    frame: DataFrame,
    shards: int,
    order: Sequence[str],
    attempts: Location,
    schema: pa.Schema,
    row_group_rows: int,
    count: Callable[[pa.RecordBatch], Mapping[str, int]] = lambda _: {},
) -> list[ShardReport]:
    """Write `frame` to `shards` shards. Column `shard` (int) says which; rows are sorted by `order`, a unique key.

    Columns become those of `schema` where they are written; columns that it does not name are left out. Every shard is written,
    empty ones too, so that a table without rows still has a file with its schema. `count` says what rows add to the report's
    counters.
    """

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for shard, members in by_shard(batches):
            with ShardWriter(attempts, shard_name(shard), schema, row_group_rows) as writer:
                for batch in members:
                    rows = batch.filter(pc.invert(batch.column("is_marker")))
                    writer.write(rows)
                    writer.counters.update(count(rows))
            yield report_batch([writer.report])

    marked = frame.withColumn("is_marker", F.lit(False))
    markers = frame.sparkSession.range(shards).select(F.col("id").cast("int").alias("shard"), F.lit(True).alias("is_marker"))
    everything = marked.unionByName(markers, allowMissingColumns=True)
    arranged = everything.repartitionById(shards, F.col("shard")).sortWithinPartitions("shard", F.desc("is_marker"), *order)
    return [report_of(row) for row in arranged.mapInArrow(write, REPORT_SCHEMA).collect()]


def by_shard(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Batches whose column `shard` ascends, cut where it changes: (shard, its batches). Each must be used up before the next."""
    pieces = (piece for batch in batches for piece in _cut(batch))
    for shard, members in groupby(pieces, key=itemgetter(0)):
        yield shard, map(itemgetter(1), members)


def _cut(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    if not batch.num_rows:
        return
    shards = batch.column("shard").to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(np.diff(shards, prepend=shards[:1] - 1))
    for start, end in zip(starts, [*starts[1:], len(shards)], strict=True):
        yield int(shards[start]), batch.slice(start, end - start)
