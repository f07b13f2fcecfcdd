"""Shards and DataFrames: published Parquet read by pyarrow in the tasks, rows sorted by Spark and written by pyarrow again.

Reading in the tasks keeps nested columns out of the JVM, and needs no file system of Hadoop's.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import Manifest
from spark_jobs.publishing.shard_files import ShardReport, ShardWriter, shard_index, shard_name

REPORT_SCHEMA = "name string, attempt string, rows long, bytes long, sha256 string, row_hash string, counters map<string,long>"

Item = TypeVar("Item")
Result = TypeVar("Result")
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
    arrange: Arrange = lambda _, batches: batches,
) -> DataFrame:
    """The columns (or leaves, `links.list.element.target`) of a published table; a task reads a shard.

    `arrange` makes of a shard's index and its batches what the Spark `schema` says; by default nothing is changed.
    """

    paths = [shard.path for shard in manifest.shards]

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path in map(paths.__getitem__, batch.column("id").to_pylist()):
                with (folder / path).open() as file:
                    yield from arrange(shard_index(path), pq.ParquetFile(file).iter_batches(columns=list(columns)))

    return spark.range(0, len(paths), numPartitions=len(paths)).mapInArrow(read, schema)


def map_tasks(spark: SparkSession, items: Sequence[Item], function: Callable[[Item], Result]) -> list[Result]:
    """What `function` makes of each item, each in a task of its own, in the order of the items.

    As `RDD.map`, but through Arrow: the Python workers that serve DataFrames serve these tasks as well, where an RDD's would be
    others, with imports of their own.
    """

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch.column("id").to_pylist():
                result = pickle.dumps(function(items[index]))
                yield pa.RecordBatch.from_pydict({"index": [index], "result": [result]})

    rows = spark.range(0, len(items), numPartitions=len(items)).mapInArrow(work, "index long, result binary").collect()
    # Written by the tasks above and brought by Spark, which pickles the results of an RDD just so.
    return [pickle.loads(row["result"]) for row in sorted(rows, key=itemgetter("index"))]  # noqa: S301


def write_shards(
    frame: DataFrame,
    shards: int,
    order: Sequence[str],
    attempts: Location,
    schema: pa.Schema,
    row_group_rows: int,
    finish: Finish,
) -> list[ShardReport]:
    """Write `frame` to `shards` shards. Column `shard` (int) says which; rows are sorted by `order`, a unique key.

    `finish` makes of the sorted rows those that are written, and says what they add to the report's counters. Columns become
    those of `schema` where they are written; columns that it does not name are left out. Every shard is written, empty ones too,
    so that a table without rows still has a file with its schema.
    """

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for shard, members in by_shard(batches):
            with ShardWriter(attempts, shard_name(shard), schema, row_group_rows) as writer:
                for batch in members:
                    rows, counts = finish(batch.filter(pc.invert(batch.column("is_marker"))))
                    writer.write(rows)
                    writer.counters.update(counts)
            yield report_batch([writer.report])

    arranged = bring_to_shards(frame, shards, order)
    return [report_of(row) for row in arranged.mapInArrow(write, REPORT_SCHEMA).collect()]


def bring_to_shards(frame: DataFrame, shards: int, order: Sequence[str]) -> DataFrame:
    """Bring the rows of `frame` to the task of their shard (column `shard`, int), sorted by `order`.

    Each shard begins with a row that is none (`is_marker`, all else null), so that every shard arrives at a task.
    """
    marked = frame.withColumn("is_marker", F.lit(False))
    markers = frame.sparkSession.range(shards).select(F.col("id").cast("int").alias("shard"), F.lit(True).alias("is_marker"))
    everything = marked.unionByName(markers, allowMissingColumns=True)
    return everything.repartitionById(shards, F.col("shard")).sortWithinPartitions("shard", F.desc("is_marker"), *order)


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
