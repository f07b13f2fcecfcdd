"""The least rate of a connection."""

import doctest
from collections.abc import Iterable

import pytest

import spark_jobs.dumps.remote.transfer_pace
from spark_jobs.dumps.remote.download_errors import TooSlowError
from spark_jobs.dumps.remote.transfer_pace import LEAST_RATE, TransferPace


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.remote.transfer_pace, optionflags=doctest.IGNORE_EXCEPTION_DETAIL).failed == 0


def send(pace: TransferPace, rate: int, times: Iterable[float]) -> None:
    for time in times:
        pace.add(rate, time)


def test_a_byte_every_half_second_is_too_slow_at_the_end_of_the_first_period() -> None:
    send(TransferPace(60, 1000.0), 1, [1000 + half / 2 for half in range(1, 120)])
    with pytest.raises(TooSlowError, match="only 120 bytes came in 60 seconds"):
        send(TransferPace(60, 1000.0), 1, [1000 + half / 2 for half in range(1, 1000)])


def test_a_connection_at_the_least_rate_is_kept_and_one_that_becomes_slow_is_not() -> None:
    pace = TransferPace(10, 0.0)
    send(pace, LEAST_RATE, map(float, range(1, 101)))
    with pytest.raises(TooSlowError):
        send(pace, LEAST_RATE - 1, map(float, range(101, 121)))


def test_a_pause_within_a_fast_period_is_allowed() -> None:
    pace = TransferPace(60, 0.0)
    pace.add(10**7, 1.0)
    pace.add(1, 59.0)
    pace.add(10**6, 61.0)
