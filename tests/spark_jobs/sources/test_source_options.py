"""Options of a data source, from text to values."""

import doctest

import spark_jobs.sources.source_options


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.sources.source_options).failed == 0
