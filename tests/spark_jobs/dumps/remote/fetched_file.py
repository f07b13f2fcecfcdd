"""One file of a mirror, fetched into a folder."""

from pathlib import Path

import pytest

from spark_jobs.dumps.remote.download_errors import DownloadError
from spark_jobs.dumps.remote.dump_status import RemoteFile
from spark_jobs.dumps.remote.mirror_client import MirrorClient

from .fake_mirror import DATA, FakeMirror, cut_after, send_status, sha1

PATH = "jawiki/20240101/file.bz2"


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


def fail_after(server: FakeMirror, folder: Path, count: int) -> None:
    """A run that fails after `count` bytes."""
    server.failures["/" + PATH] = [cut_after(count), *[send_status(503)] * 3]
    with pytest.raises(DownloadError, match="attempts in a row"):
        fetch_data(server, folder)
    assert (folder / "file.bz2.part").stat().st_size == count
    server.requests.clear()
