"""When a request is repeated, and after which wait."""

import time

import pytest

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
