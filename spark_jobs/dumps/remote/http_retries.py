"""When a request is repeated: the waits between attempts, `Retry-After`, and the number of attempts without progress."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_exception_type, sleep_using_event, wait_random_exponential

from spark_jobs.dumps.remote.download_errors import DownloadError, StoppedError, TooSlowError, TransientError

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds: the wait before attempt n + 1 is drawn below FIRST_WAIT * 2**n, and never longer than LONGEST_WAIT."""
LONGEST_RETRY_AFTER = 600.0
"""Longest wait in seconds that a server may ask for; a longer one fails the download."""


def retry_transient_errors(url: str, attempts: int, stop: threading.Event, bytes_received: Callable[[], int]) -> Retrying:
    """A rule that repeats a request for `url` after each `TransientError`.

    It gives up after `attempts` consecutive attempts without progress: those that did not raise `bytes_received()`, the most
    bytes of the file that were ever present, and those that ended in a `TooSlowError`. Then, and when the server asks for a wait
    above `LONGEST_RETRY_AFTER`, it raises `DownloadError`; when `stop` is set, `StoppedError`.
    """
    fruitless, before = 0, bytes_received()

    def should_stop(state: RetryCallState) -> bool:
        nonlocal fruitless, before
        is_fruitless = bytes_received() == before or isinstance(_error_of(state), TooSlowError)
        fruitless = fruitless + 1 if is_fruitless else 0
        before = bytes_received()
        return fruitless >= attempts or stop.is_set()

    def wait(state: RetryCallState) -> float:
        error = _error_of(state)
        if error.retry_after is not None and error.retry_after > LONGEST_RETRY_AFTER:
            raise DownloadError(f"{url}: {error}, and the server asks to wait {error.retry_after:,.0f} seconds")
        return error.retry_after if error.retry_after is not None else random_wait(state)

    def fail(state: RetryCallState) -> None:
        if stop.is_set():
            raise StoppedError(f"{url}: stopped")
        error = _error_of(state)
        raise DownloadError(
            f"{url}: {attempts} attempts in a row brought {'too little' if isinstance(error, TooSlowError) else 'nothing'}, "
            f"the last: {error}. The bytes that have arrived are kept: "
            "run the same command again to continue"
        ) from error

    random_wait = wait_random_exponential(FIRST_WAIT, max=LONGEST_WAIT)
    return Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=should_stop,
        wait=wait,
        sleep=sleep_using_event(stop),
        retry_error_callback=fail,
    )


def _error_of(state: RetryCallState) -> TransientError:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, TransientError)
    return error


def parse_retry_after(header: str | None) -> float | None:
    """The seconds of a `Retry-After` header, which holds a number or a date; None for a missing or malformed header."""
    if header is None:
        return None
    if header.isascii() and header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # not a date, or a date without a time zone
        return None
