"""A Python function applied to each item of a list, one Spark task per item."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TypeVar

import pyarrow as pa
from pyspark.sql import SparkSession

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_tasks(spark: SparkSession, items: Sequence[Item], function: Callable[[Item], Result]) -> list[Result]:
    """The results of `function` in the order of `items`; each item is one task.

    Like `RDD.map`, but through Arrow: the tasks reuse the Python workers of DataFrames. An RDD would start further workers, which
    import everything again.
    """

    def run_items(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch.column("id").to_pylist():
                result = pickle.dumps(function(items[index]))
                yield pa.RecordBatch.from_pydict({"index": [index], "result": [result]})

    rows = spark.range(0, len(items), numPartitions=len(items)).mapInArrow(run_items, "index long, result binary").collect()
    # Written by the tasks above; Spark pickles the results of an RDD in the same way.
    return [pickle.loads(row["result"]) for row in sorted(rows, key=itemgetter("index"))]  # noqa: S301
