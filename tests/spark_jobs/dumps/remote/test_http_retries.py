"""When a request is repeated, and after which wait."""

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from spark_jobs.dumps.remote.download_errors import DownloadError, StoppedError, TooSlowError, TransientError
from spark_jobs.dumps.remote.http_retries import parse_retry_after, retry_transient_errors

from .fake_mirror import cut_after, hang_after, send_status, send_wrong_byte
from .fetched_file import PATH, assert_only_the_file, fetch_data


@pytest.mark.parametrize(
    ("failures", "ranges"),
    [
        ([cut_after(300_000)], [None, "bytes=300000-"]),
        ([cut_after(0)], [None, None]),
        ([cut_after(300_000), send_status(503), cut_after(0)], [None, "bytes=300000-", "bytes=300000-", None]),
        ([send_status(503, Retry_After="0")], [None, None]),
        ([send_status(429, Retry_After="0")], [None, None]),
        ([send_status(500), send_status(502)], [None, None, None]),
        ([hang_after(300_000)], [None, "bytes=300000-"]),
        ([send_wrong_byte], [None, None]),
        ([cut_after(300_000), send_status(416)], [None, "bytes=300000-", None]),
        ([cut_after(300_000), send_status(206, Content_Range="bytes 7-1048575/1048576")], [None, "bytes=300000-", None]),
    ],
    ids=["cut", "cut at once", "cut, busy, cut", "busy", "too many", "broken", "hangs", "other bytes", "no range", "other range"],
)
def test_transient_failures_are_retried_from_the_last_byte(server, tmp_path, failures, ranges) -> None:
    server.failures["/" + PATH] = list(failures)
    fetch_data(server, tmp_path, timeout=0.5)
    assert_only_the_file(tmp_path)
    assert [headers.get("Range") for headers in server.requests_for("/" + PATH)] == ranges


def test_the_wait_that_a_server_asks_for_is_kept(server, tmp_path) -> None:
    server.failures["/" + PATH] = [send_status(503, Retry_After="1")]
    started = time.monotonic()
    fetch_data(server, tmp_path)
    assert time.monotonic() - started >= 1.0


def test_attempts_with_progress_never_exhaust_the_retries(server, tmp_path) -> None:
    def send_a_piece(handler, data: bytes) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        about = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        handler.start(206 if start else 200, len(data) - start, about, data)
        handler.wfile.write(data[start : start + 100_000])
        handler.close_connection = True

    server.failures["/" + PATH] = [send_a_piece] * 10
    fetch_data(server, tmp_path, attempts=2)
    assert_only_the_file(tmp_path)


@pytest.mark.parametrize(
    "header", [None, "", "soon", "-3", "1.5", "Wed, 31 Feb 2024 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00", "²", "١٢"]
)
def test_a_missing_or_malformed_header_asks_for_no_wait(header: str | None) -> None:
    assert parse_retry_after(header) is None


def test_a_header_holds_seconds_or_a_date() -> None:
    assert [parse_retry_after(header) for header in ("0", " 120 ", "Wed, 21 Oct 2015 07:28:00 GMT")] == [0.0, 120.0, 0.0]
    wait = parse_retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert wait is not None
    assert 90 < wait <= 100


class Source:
    """A request that fails until it has been repeated often enough."""

    def __init__(self, *errors: Exception, bytes_each: int = 0) -> None:
        self.errors, self.bytes, self.bytes_each = list(errors), 0, bytes_each

    def request(self) -> int:
        self.bytes += self.bytes_each
        if self.errors:
            raise self.errors.pop(0)
        return self.bytes

    def retry(self, attempts: int, stop: threading.Event | None = None) -> int:
        rule = retry_transient_errors("http://x/y", attempts, stop or threading.Event(), lambda: self.bytes)
        result: int = rule(self.request)
        return result


def test_attempts_without_progress_are_limited() -> None:
    source = Source(*[TransientError("HTTP 503", 0.0)] * 9)
    with pytest.raises(DownloadError, match=r"^http://x/y: 3 attempts in a row brought nothing, the last: HTTP 503\. The bytes"):
        source.retry(3)
    assert len(source.errors) == 6


def test_progress_resets_the_count_of_attempts() -> None:
    assert Source(*[TransientError("cut", 0.0)] * 9, bytes_each=5).retry(1) == 50


def test_slow_attempts_are_limited_although_they_bring_bytes() -> None:
    source = Source(*[TooSlowError("only 120 bytes came in 60 seconds")] * 9, bytes_each=120)
    with pytest.raises(
        DownloadError, match=r"3 attempts in a row brought too little, the last: only 120 bytes came in 60 seconds\."
    ):
        source.retry(3)
    assert len(source.errors) == 6


@pytest.mark.parametrize("error", [DownloadError("refused"), KeyError("x")])
def test_any_other_error_is_not_repeated(error: Exception) -> None:
    source = Source(error, error)
    with pytest.raises(type(error)):
        source.retry(3)
    assert len(source.errors) == 1


def test_a_wait_that_is_too_long_ends_the_download() -> None:
    with pytest.raises(DownloadError, match=r"^http://x/y: busy, and the server asks to wait 601 seconds$"):
        Source(TransientError("busy", 601.0)).retry(3)


def test_a_stopped_download_is_not_repeated() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError, match="http://x/y: stopped"):
        Source(TransientError("busy", 600.0)).retry(3, stop)
