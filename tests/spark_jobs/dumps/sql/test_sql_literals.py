"""MySQL's literals of text."""

import doctest

import spark_jobs.dumps.sql.sql_literals


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.sql.sql_literals).failed == 0
