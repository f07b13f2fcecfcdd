import doctest

import spark_jobs.contract.table_schemas


def test_the_worked_example_holds() -> None:
    assert doctest.testmod(spark_jobs.contract.table_schemas).failed == 0
