"""The choice of a dump on a real HTTP server."""

import json

import pytest

from spark_jobs.dumps.remote.download_errors import DownloadError, NotThereError
from spark_jobs.dumps.remote.dump_choice import choose_dump

from .fake_mirror import WIKI_FILES, sha1
from .fetched_file import connected

PAGES = "jawiki-20240101-pages-articles-multistream.xml.bz2"


def remove_checksums(server, folder: str) -> None:
    """Take the checksums out of a dump's status."""
    status = json.loads(server.files[f"{folder}/dumpstatus.json"])
    for job in status["jobs"].values():
        for about in job.get("files", {}).values():
            del about["sha1"]
    server.files[f"{folder}/dumpstatus.json"] = json.dumps(status).encode()


def test_a_wiki_that_the_mirror_does_not_have_is_named(server) -> None:
    with connected(server) as client, pytest.raises(DownloadError, match=r"^the mirror has no dumps of it: .*/xxwiki/"):
        choose_dump(client, "xxwiki")


def test_every_day_that_was_tried_has_its_reason(server) -> None:
    server.add_dump("jawiki", "20240101", WIKI_FILES, {"pagetable": "failed"})
    folder = server.add_dump("jawiki", "20240120", WIKI_FILES)
    del server.files[f"{folder}/dumpstatus.json"]
    with connected(server) as client, pytest.raises(DownloadError) as error:
        choose_dump(client, "jawiki")
    assert str(error.value) == ("no finished dump: 20240120: it has no dumpstatus.json here; 20240101: pagetable is 'failed'")


def test_the_six_newest_days_are_tried(server) -> None:
    server.add_dump("jawiki", "20240101", WIKI_FILES)
    for day in range(2, 8):
        server.add_dump("jawiki", f"2024010{day}", WIKI_FILES, {"pagetable": "waiting"})
    with connected(server) as client:
        with pytest.raises(DownloadError, match=r"20240107: .*; 20240102: pagetable is 'waiting'$"):
            choose_dump(client, "jawiki")
        assert choose_dump(client, "jawiki", date="20240101").date == "20240101"


def test_a_status_that_cannot_be_used_ends_the_search(server) -> None:
    server.add_dump("jawiki", "20240101", WIKI_FILES)
    folder = server.add_dump("jawiki", "20240120", WIKI_FILES)
    server.files[f"{folder}/dumpstatus.json"] = b"<html>"
    with connected(server) as client, pytest.raises(DownloadError, match=r"^jawiki/20240120/dumpstatus\.json cannot be used"):
        choose_dump(client, "jawiki")


def test_the_newest_finished_dump_is_chosen(server) -> None:
    for day in ("20231220", "20240101"):
        server.add_dump("jawiki", day, WIKI_FILES)
    server.add_dump("jawiki", "20240120", WIKI_FILES, {"redirectstable": "in-progress"})
    with connected(server) as client:
        dump = choose_dump(client, "jawiki")
        assert (dump.date, len(dump.files), dump.absent) == ("20240101", len(WIKI_FILES), ())
        assert {file.name: file.sha1 for file in dump.files}[PAGES] == sha1(WIKI_FILES["pages-articles-multistream.xml.bz2"])
        needed = choose_dump(client, "jawiki", optional=False)
    assert needed.date == "20240120"
    assert len(needed.files) == 3


def test_missing_checksums_come_from_the_list_beside_the_dump(server) -> None:
    folder = server.add_dump("jawiki", "20240101", WIKI_FILES)
    remove_checksums(server, folder)
    listed = "".join(f"{sha1(data)}  jawiki-20240101-{name}\n" for name, data in WIKI_FILES.items())
    path = f"{folder}/jawiki-20240101-sha1sums.txt"
    with connected(server) as client:
        with pytest.raises(NotThereError, match=r"sha1sums\.txt"):
            choose_dump(client, "jawiki")
        server.files[path] = listed.partition("\n")[2].encode()
        with pytest.raises(DownloadError, match=r"^jawiki/20240101/jawiki-20240101-sha1sums\.txt: .*has no checksum of it"):
            choose_dump(client, "jawiki")
        server.files[path] = listed.encode()
        assert {file.name: file.sha1 for file in choose_dump(client, "jawiki").files} == {
            f"jawiki-20240101-{name}": sha1(data) for name, data in WIKI_FILES.items()
        }
