"""The reference reader of SQL."""

import doctest


def test_examples_in_docstrings_hold(load_benchmark) -> None:
    assert doctest.testmod(load_benchmark("peers.slow_sql_reader")).failed == 0
