"""Deadlines of a request: a server must answer in time, and then send at least `LEAST_RATE` bytes a second.

A limit on silence is not enough: a server that sends a byte every half second is never silent.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from spark_jobs.dumps.remote.download_errors import TooSlowError

LEAST_RATE = 1024
"""Bytes a second that a connection must bring, on average over the seconds that it may be silent."""


class TransferPace:
    """The bytes of a response, counted in periods of `seconds`.

    >>> pace = TransferPace(60, now=0.0)
    >>> pace.add(100_000, now=61.0)
    >>> pace.add(100, now=120.0)
    >>> pace.add(100, now=122.0)
    Traceback (most recent call last):
    spark_jobs.dumps.remote.download_errors.TooSlowError: only 200 bytes came in 61 seconds
    """

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds, self._begin, self._bytes = seconds, now, 0

    def add(self, count: int, now: float) -> None:
        """Count bytes that have come. Raises `TooSlowError` at the end of a period that brought too few."""
        self._bytes += count
        if now - self._begin < self._seconds:
            return
        if self._bytes < LEAST_RATE * (now - self._begin):
            raise TooSlowError(f"only {self._bytes:,} bytes came in {now - self._begin:,.3g} seconds")
        self._begin, self._bytes = now, 0


class AnswerDeadline:
    """Ends a request whose answer does not begin in time, by closing its connection from another thread."""

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    @contextmanager
    def started(self) -> Iterator[Callable[[str, Mapping[str, Any]], None]]:
        """Run the body under the deadline. Gives the function for `extensions={"trace": ...}` of its request."""
        self._timer.start()
        try:
            yield self._note_connection
        finally:
            self.stop()

    def stop(self) -> None:
        """The answer has begun, or the request has ended."""
        self._timer.cancel()

    def _note_connection(self, event: str, about: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(about["return_value"].get_extra_info("socket"))
            if self.has_passed:
                self._close_connections()

    def _pass(self) -> None:
        self.has_passed = True
        self._close_connections()

    def _close_connections(self) -> None:
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
