"""One file from a real HTTP server: redirects, errors that repeating does not help, limits."""

import pytest

from spark_jobs.dumps.remote.download_errors import DownloadError, NotThereError

from .fake_mirror import DATA, cut_after, hang_after, send_status, send_too_many_bytes, send_wrong_byte, trickle
from .fetched_file import PATH, assert_only_the_file, connected, fetch_data


def test_a_file_arrives_complete_and_without_temporary_files(server, tmp_path) -> None:
    reported = fetch_data(server, tmp_path)
    assert_only_the_file(tmp_path)
    assert reported == sorted(reported)
    assert reported[-1] == len(DATA)
    [headers] = server.requests_for("/" + PATH)
    assert headers["User-Agent"].startswith("test/1 (me@example.org) httpx2/")
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("failures", "reason"),
    [
        ([send_status(503)] * 3, "3 attempts in a row brought nothing, the last: HTTP 503"),
        ([cut_after(1000)] * 4, "3 attempts in a row brought nothing, the last"),
        ([hang_after(0)] * 3, "3 attempts in a row brought nothing, the last: nothing came for 0.3 seconds"),
        ([trickle(0, 0.02)] * 3, "3 attempts in a row brought too little, the last: only "),
        ([trickle(70_000, 0.02)] * 4, "3 attempts in a row brought too little, the last: only "),
        ([trickle(0, 0.02, headers_too=True)] * 3, "the last: the answer did not begin within 0.3 seconds"),
        ([send_status(503, Retry_After="7200")], "HTTP 503 Service Unavailable, and the server asks to wait 7,200 seconds"),
        ([send_status(403)], "the server refuses it: HTTP 403"),
        ([send_too_many_bytes], "more bytes came than the 1,048,576 that are announced"),
        ([send_wrong_byte] * 2, "arrived twice with a wrong checksum"),
        ([send_status(302, Location="http://localhost:1/x")], "redirects to http://localhost:1/x, another server"),
        ([send_status(302, Location="https://evil.example/x")], "redirects to https://evil.example/x, another server"),
        ([send_status(302, Location="/" + PATH)] * 9, "more than 5 redirects"),
    ],
    ids=[
        "busy",
        "cut",
        "hangs",
        "trickles",
        "trickles later",
        "trickles headers",
        "long wait",
        "refused",
        "too many bytes",
        "other bytes",
        "port",
        "host",
        "circle",
    ],
)
def test_permanent_failures_raise_with_the_reason_and_leave_no_file(server, tmp_path, failures, reason) -> None:
    server.failures["/" + PATH] = list(failures)
    with pytest.raises(DownloadError) as error:
        fetch_data(server, tmp_path, timeout=0.3)
    assert reason in str(error.value)
    assert PATH in str(error.value) or "redirects" in str(error.value)
    assert not (tmp_path / "file.bz2").exists()


def test_a_missing_file_raises_another_error_than_a_refusal(server, tmp_path) -> None:
    del server.files["/" + PATH]
    with pytest.raises(NotThereError, match="does not exist"):
        fetch_data(server, tmp_path)


def test_a_redirect_on_the_same_server_is_followed(server, tmp_path) -> None:
    server.files["/elsewhere"] = DATA
    server.failures["/" + PATH] = [send_status(302, Location="/elsewhere")]
    fetch_data(server, tmp_path)
    assert_only_the_file(tmp_path)


def test_a_small_file_that_trickles_is_given_up(server) -> None:
    server.failures["/" + PATH] = [trickle(0, 0.02)] * 3
    with connected(server, timeout=0.3) as client, pytest.raises(DownloadError, match="3 attempts in a row brought too little"):
        client.read(PATH)


def test_a_file_whose_first_connections_trickle_is_completed_from_their_last_byte(server, tmp_path) -> None:
    server.failures["/" + PATH] = [trickle(300_000, 0.02), trickle(0, 0.02, headers_too=True)]
    fetch_data(server, tmp_path, timeout=0.3)
    assert_only_the_file(tmp_path)
    first, second, third = (headers.get("Range") for headers in server.requests_for("/" + PATH))
    assert (first, second) == (None, third)
    assert 300_000 < int(third.removeprefix("bytes=").rstrip("-")) < 301_000


def test_a_small_file_above_its_limit_is_refused(server) -> None:
    with connected(server) as client, pytest.raises(DownloadError, match="more than 1,000 bytes"):
        client.read(PATH, limit=1000)
