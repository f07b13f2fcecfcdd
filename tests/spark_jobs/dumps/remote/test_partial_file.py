"""The part of a file that an earlier run left: continued, started again, or verified."""

import pytest

from spark_jobs.dumps.remote.download_errors import DownloadError
from spark_jobs.dumps.remote.dump_status import RemoteFile
from spark_jobs.dumps.remote.partial_file import PartialFile

from .fake_mirror import DATA, cut_after, send_status, sha1
from .fetched_file import PATH, assert_only_the_file, fail_after, fetch_data


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


FILE = RemoteFile("file.bz2", 10, sha1(b"0123456789"))


def test_a_version_that_does_not_identify_a_range_of_bytes_is_not_continued(tmp_path) -> None:
    with PartialFile(tmp_path / "file.bz2", FILE, print) as part:
        part.write(b"01234")
        part.note_version('W/"weak"', None)
        assert part.range_headers() == {}
        part.note_version('W/"weak"', "Mon, 01 Jan 2024 00:00:00 GMT")
        assert part.range_headers() == {"Range": "bytes=5-", "If-Range": "Mon, 01 Jan 2024 00:00:00 GMT"}
        part.note_version('"strong"', "Mon, 01 Jan 2024 00:00:00 GMT")
        assert part.range_headers() == {"Range": "bytes=5-", "If-Range": '"strong"'}


def test_a_part_is_continued_with_its_checksum_and_gets_its_name_at_the_end(tmp_path) -> None:
    reported: list[int] = []
    with PartialFile(tmp_path / "file.bz2", FILE, reported.append) as part:
        part.note_version('"a"', None)
        part.write(b"01234")
    with PartialFile(tmp_path / "file.bz2", FILE, reported.append) as part:
        assert (part.bytes, part.sha1) == (5, sha1(b"01234"))
        part.write(b"56789")
        assert part.sha1 == FILE.sha1
        part.finish()
    assert reported == [0, 5, 5, 10]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file.bz2": b"0123456789"}


@pytest.mark.parametrize(
    "other", [RemoteFile("file.bz2", 11, FILE.sha1), RemoteFile("file.bz2", 10, sha1(b"x"))], ids=["size", "sha1"]
)
def test_a_part_of_another_file_is_dropped(tmp_path, other: RemoteFile) -> None:
    with PartialFile(tmp_path / "file.bz2", FILE, print) as part:
        part.note_version('"a"', None)
        part.write(b"01234")
    with PartialFile(tmp_path / "file.bz2", other, print) as part:
        assert (part.bytes, part.sha1, part.range_headers()) == (0, sha1(b""), {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file.bz2.part": b""}


def test_a_restart_keeps_the_most_bytes_that_were_present(tmp_path) -> None:
    with PartialFile(tmp_path / "file.bz2", FILE, print) as part:
        part.write(b"01234")
        part.restart()
        part.write(b"0")
        assert (part.bytes, part.furthest, part.sha1) == (1, 5, sha1(b"0"))
