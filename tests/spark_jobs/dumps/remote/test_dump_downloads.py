"""The dumps of several wikis, from a real HTTP server."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.dumps.remote import download_folder
from spark_jobs.dumps.remote.dump_downloads import WikiDownload, download_dumps

from .fake_mirror import WIKI_FILES, send_wrong_byte
from .fetched_file import connected


@pytest.mark.parametrize(
    ("download", "state"),
    [
        (WikiDownload("jawiki", failure="no finished dump"), "failed: no finished dump"),
        (WikiDownload("jawiki", fetched=3, failure="busy"), "failed: busy"),
        (WikiDownload("jawiki", fetched=3), "is there"),
        (WikiDownload("jawiki"), "was there already"),
    ],
)
def test_a_result_has_words(download: WikiDownload, state: str) -> None:
    assert download.state == state


def test_one_wiki_that_fails_leaves_the_others(server, tmp_path: Path) -> None:
    for wiki in ("jawiki", "elwiki"):
        server.add_dump(wiki, "20240101", WIKI_FILES)
    server.failures["/elwiki/20240101/elwiki-20240101-langlinks.sql.gz"] = [send_wrong_byte] * 2
    with connected(server) as client:
        missing, damaged, good = download_dumps(client, ["xxwiki", "elwiki", "jawiki"], tmp_path, 2)
    assert (missing.wiki, missing.dump, missing.fetched) == ("xxwiki", None, 0)
    assert missing.state.startswith("failed: the mirror has no dumps of it")
    assert (damaged.wiki, damaged.fetched) == ("elwiki", len(WIKI_FILES) - 1)
    assert "arrived twice with a wrong checksum" in damaged.state
    assert (good.wiki, good.fetched, good.state) == ("jawiki", len(WIKI_FILES), "is there")
    lists = sorted(path.name for path in tmp_path.rglob("*sha1sums.txt"))
    assert lists == ["jawiki-20240101-sha1sums.txt"]


def test_complete_files_are_not_fetched_again(server, tmp_path: Path) -> None:
    folder = server.add_dump("jawiki", "20240101", WIKI_FILES)
    with connected(server) as client:
        download_dumps(client, ["jawiki"], tmp_path, 2)
        (tmp_path / f"{folder[1:]}/jawiki-20240101-page.sql.gz").unlink()
        server.requests.clear()
        (one_missing,) = download_dumps(client, ["jawiki"], tmp_path, 2)
        (none_missing,) = download_dumps(client, ["jawiki"], tmp_path, 2)
    assert [path for path, _ in server.requests if path.endswith((".bz2", ".gz"))] == [f"{folder}/jawiki-20240101-page.sql.gz"]
    assert (one_missing.fetched, one_missing.state, none_missing.state) == (1, "is there", "was there already")


def test_a_disk_that_is_too_small_is_refused_before_the_first_file(server, tmp_path: Path, monkeypatch) -> None:
    server.add_dump("jawiki", "20240101", WIKI_FILES)
    monkeypatch.setattr(download_folder.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    with connected(server) as client, pytest.raises(ConfigurationError, match="are still to come"):
        download_dumps(client, ["jawiki"], tmp_path, 2)
    assert list(tmp_path.iterdir()) == []
