"""Shards in and out of Spark tasks: pyarrow reads and writes the Parquet files, Spark sorts the rows between them.

Nested columns that the tasks read never enter the JVM, and the JVM needs no Hadoop file system.
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

from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import Manifest
from spark_jobs.publishing.shard_writer import ShardReport, ShardWriter, shard_index, shard_name

REPORT_SCHEMA = "name string, attempt string, rows long, bytes long, sha256 string, row_hash string, counters map<string,long>"

Arrange = Callable[[int, Iterator[pa.RecordBatch]], Iterable[pa.RecordBatch]]
Finish = Callable[[pa.RecordBatch], tuple[pa.RecordBatch | pa.Table, Mapping[str, int]]]

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


def reports_to_batch(reports: Sequence[ShardReport]) -> pa.RecordBatch:
    """Reports as a batch of `REPORT_SCHEMA` for a task to yield; the 128-bit hash is written as hex digits."""
    rows = [{**vars(r), "row_hash": f"{r.row_hash:x}", "counters": list(r.counters.items())} for r in reports]
    return pa.RecordBatch.from_pylist(rows, schema=_REPORT_FIELDS)


def report_from_row(row: Row) -> ShardReport:
    """The report in a row of `reports_to_batch`. If a task ran twice, Spark returns the result of one attempt only."""
    fields = {name: row[name] for name in _REPORT_FIELDS.names}
    return ShardReport(**{**fields, "row_hash": int(row["row_hash"], 16)})


def read_shards(
    spark: SparkSession,
    folder: Location,
    manifest: Manifest,
    columns: Sequence[str],
    schema: str,
    arrange: Arrange = lambda _, batches: batches,
) -> DataFrame:
    """The columns (or leaves, `links.list.element.target`) of a published table; one task per shard.

    `arrange` converts a shard's batches to the Spark `schema`, given the shard's index; by default they are unchanged.
    """

    paths = [shard.path for shard in manifest.shards]

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path in map(paths.__getitem__, batch.column("id").to_pylist()):
                with (folder / path).open() as file:
                    yield from arrange(shard_index(path), pq.ParquetFile(file).iter_batches(columns=list(columns)))

    return spark.range(0, len(paths), numPartitions=len(paths)).mapInArrow(read, schema)


def write_shards(
    frame: DataFrame,
    shards: int,
    order: Sequence[str],
    attempts: Location,
    schema: pa.Schema,
    row_group_rows: int,
    finish: Finish,
) -> list[ShardReport]:
    """Write `frame` to `shards` shards, by its column `shard` (int), sorted by `order`, a unique key.

    `finish` converts the sorted rows to the rows to write and returns counts for the report. The writer converts columns to
    `schema` and leaves others out. Every shard is written, even without rows, so that an empty table has a file with its schema.
    """

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for shard, members in split_by_shard(batches):
            with ShardWriter(attempts, shard_name(shard), schema, row_group_rows) as writer:
                for batch in members:
                    rows, counts = finish(batch.filter(pc.invert(batch.column("is_marker"))))
                    writer.write(rows)
                    writer.counters.update(counts)
            yield reports_to_batch([writer.report])

    arranged = sort_into_shards(frame, shards, order)
    return [report_from_row(row) for row in arranged.mapInArrow(write, REPORT_SCHEMA).collect()]


def sort_into_shards(frame: DataFrame, shards: int, order: Sequence[str]) -> DataFrame:
    """Move the rows of `frame` to the task of their shard (column `shard`, int), sorted by `order`.

    Each shard begins with a marker row (`is_marker`, other columns null), so that a shard without rows reaches a task too.
    """
    marked = frame.withColumn("is_marker", F.lit(False))
    markers = frame.sparkSession.range(shards).select(F.col("id").cast("int").alias("shard"), F.lit(True).alias("is_marker"))
    everything = marked.unionByName(markers, allowMissingColumns=True)
    return everything.repartitionById(shards, F.col("shard")).sortWithinPartitions("shard", F.desc("is_marker"), *order)


def split_by_shard(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Cut batches where their ascending column `shard` changes: (shard, its batches). Consume each before the next."""
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
