"""A function applied to each item of a list, one Spark task per item."""

import pytest
from pyspark import TaskContext
from pyspark.errors import PythonException

from spark_jobs.runtime.spark_tasks import map_tasks


def test_an_exception_of_a_task_is_raised_with_its_message(spark) -> None:
    def fail(item: int) -> int:
        raise ValueError(f"item {item} is bad")

    with pytest.raises(PythonException, match="ValueError: item 7 is bad"):
        map_tasks(spark, [7], fail)


def test_results_keep_the_order_and_the_types_of_the_items(spark) -> None:
    items = [{"a": 3}, ("b", None), frozenset([1]), 2**70]
    assert map_tasks(spark, items, lambda item: [item, str(item)]) == [[item, str(item)] for item in items]


def test_each_item_is_one_task(spark) -> None:
    def partition(_: str) -> int:
        context = TaskContext.get()
        assert context is not None
        return context.partitionId()

    assert map_tasks(spark, ["a", "b", "c"], partition) == [0, 1, 2]
