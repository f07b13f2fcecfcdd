"""One file from a real HTTP server that breaks off, hangs, is busy or sends wrong bytes."""

import time
from pathlib import Path

import pytest

from spark_jobs.dumps.remote import http_retries
from spark_jobs.dumps.remote.download_errors import DownloadError, NotThereError
from spark_jobs.dumps.remote.dump_status import RemoteFile
from spark_jobs.dumps.remote.mirror_client import MirrorClient
from spark_jobs.dumps.remote.partial_file import PartialFile

from .fake_mirror import DATA, FakeMirror, cut_after, hang_after, send_status, send_too_many_bytes, send_wrong_byte, serving, sha1

PATH = "jawiki/20240101/file.bz2"


@pytest.fixture
def server():
    with serving() as running:
        running.files["/" + PATH] = DATA
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch) -> None:
    monkeypatch.setattr(http_retries, "LONGEST_WAIT", 0.01)


def connected(server: FakeMirror, attempts: int = 3, timeout: float = 5.0) -> MirrorClient:
    return MirrorClient(server.url, "test/1 (me@example.org)", 2, timeout, attempts)


def fetch_data(server: FakeMirror, folder: Path, data: bytes = DATA, **options) -> list[int]:
    """Fetch the file; returns the reported numbers of bytes."""
    reported: list[int] = []
    with connected(server, **options) as client:
        client.fetch(PATH, RemoteFile("file.bz2", len(data), sha1(data)), folder / "file.bz2", reported.append)
    return reported


def assert_only_the_file(folder: Path) -> None:
    assert (folder / "file.bz2").read_bytes() == DATA
    assert [path.name for path in folder.iterdir()] == ["file.bz2"]


def test_a_file_arrives_complete_and_without_temporary_files(server, tmp_path) -> None:
    reported = fetch_data(server, tmp_path)
    assert_only_the_file(tmp_path)
    assert reported == sorted(reported)
    assert reported[-1] == len(DATA)
    [headers] = server.requests_for("/" + PATH)
    assert headers["User-Agent"].startswith("test/1 (me@example.org) httpx2/")
    assert headers["Accept-Encoding"] == "identity"


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
    ("failures", "reason"),
    [
        ([send_status(503)] * 3, "3 attempts in a row brought nothing, the last: HTTP 503"),
        ([cut_after(1000)] * 4, "3 attempts in a row brought nothing, the last"),
        ([hang_after(0)] * 3, "3 attempts in a row brought nothing, the last: nothing came for 0.3 seconds"),
        ([send_status(503, Retry_After="7200")], "HTTP 503 Service Unavailable, and the server asks to wait 7,200 seconds"),
        ([send_status(403)], "the server refuses it: HTTP 403"),
        ([send_too_many_bytes], "more bytes came than the 1,048,576 that are announced"),
        ([send_wrong_byte] * 2, "arrived twice with a wrong checksum"),
        ([send_status(302, Location="http://localhost:1/x")], "redirects to http://localhost:1/x, another server"),
        ([send_status(302, Location="https://evil.example/x")], "redirects to https://evil.example/x, another server"),
        ([send_status(302, Location="/" + PATH)] * 9, "more than 5 redirects"),
    ],
    ids=["busy", "cut", "hangs", "long wait", "refused", "too many bytes", "other bytes", "port", "host", "circle"],
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


def fail_after(server: FakeMirror, folder: Path, count: int) -> None:
    """A run that fails after `count` bytes."""
    server.failures["/" + PATH] = [cut_after(count), *[send_status(503)] * 3]
    with pytest.raises(DownloadError, match="attempts in a row"):
        fetch_data(server, folder)
    assert (folder / "file.bz2.part").stat().st_size == count
    server.requests.clear()


def test_a_later_run_requests_the_rest_only(server, tmp_path) -> None:
    fail_after(server, tmp_path, 700_000)
    fetch_data(server, tmp_path)
    assert_only_the_file(tmp_path)
    [headers] = server.requests_for("/" + PATH)
    assert headers["Range"] == "bytes=700000-"
    assert headers["If-Range"] == f'"{sha1(DATA)[:16]}"'


def test_a_part_of_another_version_is_not_resumed(server, tmp_path) -> None:
    server.files["/" + PATH] = DATA[::-1]
    server.failures["/" + PATH] = [cut_after(700_000), *[send_status(503)] * 3]
    with pytest.raises(DownloadError):  # the status has the checksum of the later version
        fetch_data(server, tmp_path)
    server.files["/" + PATH] = DATA
    fetch_data(server, tmp_path)
    assert_only_the_file(tmp_path)


@pytest.mark.parametrize("spoil", ["version", "size", "etags"])
def test_a_part_of_an_unknown_version_is_started_again(server, tmp_path, spoil: str) -> None:
    if spoil == "etags":
        server.etags = False
    fail_after(server, tmp_path, 700_000)
    if spoil == "version":
        (tmp_path / "file.bz2.part.json").write_text("{")
    elif spoil == "size":
        (tmp_path / "file.bz2.part").write_bytes(DATA + b"x")
    fetch_data(server, tmp_path)
    assert_only_the_file(tmp_path)
    assert [headers.get("Range") for headers in server.requests_for("/" + PATH)] == [None]


def test_a_complete_part_is_verified_without_a_request(server, tmp_path) -> None:
    fail_after(server, tmp_path, 700_000)
    (tmp_path / "file.bz2.part").write_bytes(DATA)
    fetch_data(server, tmp_path)
    assert_only_the_file(tmp_path)
    assert server.requests == []


def test_two_downloads_cannot_write_the_same_file(server, tmp_path) -> None:
    with PartialFile(tmp_path / "file.bz2", RemoteFile("file.bz2", 1, "0"), print), pytest.raises(DownloadError) as error:
        fetch_data(server, tmp_path)
    assert "is being written by another download" in str(error.value)


def test_a_small_file_above_its_limit_is_refused(server) -> None:
    with connected(server) as client, pytest.raises(DownloadError, match="more than 1,000 bytes"):
        client.read(PATH, limit=1000)
