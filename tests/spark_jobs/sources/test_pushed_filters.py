"""The filters that a source takes, and those that it leaves to Spark."""

import doctest
from typing import Any

import pytest
from pyspark.sql import datasource as spark

import spark_jobs.sources.pushed_filters
from spark_jobs.sources.pushed_filters import take_equalities, take_number_filters

NUMBER, OTHER, TEXT = ("n",), ("x",), ("t",)


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.sources.pushed_filters).failed == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (spark.EqualTo(NUMBER, 3), [3]),
        (spark.EqualNullSafe(NUMBER, 3), [3]),
        (spark.In(NUMBER, (3, 5, None)), [3, 5]),
        (spark.In(NUMBER, ()), []),
        (spark.GreaterThan(NUMBER, 3), [4, 5]),
        (spark.GreaterThanOrEqual(NUMBER, 3), [3, 4, 5]),
        (spark.LessThan(NUMBER, 3), [-1, 0, 1, 2]),
        (spark.LessThanOrEqual(NUMBER, 0), [-1, 0]),
        (spark.IsNotNull(NUMBER), [-1, 0, 1, 2, 3, 4, 5]),
    ],
)
def test_comparisons_with_numbers_are_taken(given: spark.Filter, kept: list[int]) -> None:
    conditions, left = take_number_filters([given], ["n"])
    assert left == []
    assert [value for value in (None, *range(-1, 6)) if all(condition.holds(value) for condition in conditions["n"])] == kept


@pytest.mark.parametrize(
    "given",
    [
        spark.EqualTo(OTHER, 3),
        spark.EqualTo(("a", "n"), 3),
        spark.EqualTo(NUMBER, None),
        spark.EqualNullSafe(NUMBER, None),
        spark.EqualTo(NUMBER, True),
        spark.EqualTo(NUMBER, 3.0),
        spark.EqualTo(NUMBER, "3"),
        spark.In(NUMBER, (3, 2.5)),
        spark.IsNull(NUMBER),
        spark.Not(spark.EqualTo(NUMBER, 3)),
        spark.StringStartsWith(NUMBER, "3"),
    ],
)
def test_other_filters_are_left_to_spark(given: spark.Filter) -> None:
    assert take_number_filters([given], ["n"]) == ({}, [given])


def test_all_conditions_of_a_column_hold_together() -> None:
    conditions, left = take_number_filters(
        [spark.GreaterThan(NUMBER, 1), spark.LessThan(NUMBER, 4), spark.In(NUMBER, (3, 9))], ["n"]
    )
    assert left == []
    assert [value for value in range(10) if all(condition.holds(value) for condition in conditions["n"])] == [3]


@pytest.mark.parametrize(
    ("given", "taken", "left"),
    [
        ([spark.EqualTo(TEXT, "a")], {"t": {"a"}}, []),
        ([spark.IsNotNull(TEXT), spark.EqualTo(TEXT, "a")], {"t": {"a"}}, []),
        ([spark.In(TEXT, ("a", "b", None)), spark.EqualTo(NUMBER, 3)], {"t": {"a", "b"}, "n": {3}}, []),
        ([spark.EqualTo(TEXT, "a"), spark.EqualTo(TEXT, "b")], {"t": set()}, []),
        ([spark.In(TEXT, ("a", "b")), spark.In(TEXT, ("b", "c"))], {"t": {"b"}}, []),
        ([spark.IsNull(TEXT)], {"t": {None}}, []),
        ([spark.IsNull(TEXT), spark.IsNotNull(TEXT)], {"t": {None}}, [1]),
        ([spark.IsNotNull(TEXT)], {}, [0]),
        ([spark.EqualTo(NUMBER, "3"), spark.EqualTo(TEXT, 3), spark.EqualTo(NUMBER, True)], {}, [0, 1, 2]),
        ([spark.EqualTo(OTHER, "a"), spark.IsNotNull(OTHER)], {}, [0, 1]),
        ([spark.EqualTo(TEXT, None), spark.Not(spark.EqualTo(TEXT, "a")), spark.GreaterThan(NUMBER, 3)], {}, [0, 1, 2]),
    ],
)
def test_equalities_are_taken(given: list[spark.Filter], taken: dict[str, set[Any]], left: list[int]) -> None:
    assert take_equalities(given, {"t": str, "n": int}) == (taken, [given[index] for index in left])
