"""The local folder of a download: complete files, room on the disk, checksums."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.dumps.remote import download_folder
from spark_jobs.dumps.remote.download_folder import check_disk_space, is_complete, make_local_folder, write_checksum_list
from spark_jobs.dumps.remote.dump_status import RemoteDump, RemoteFile

FILES = (RemoteFile("a.bz2", 1000, "a" * 40), RemoteFile("b.gz", 500, "b" * 40))
DUMP = RemoteDump("jawiki", "20240101", FILES)
SPARE = 2**20


@pytest.mark.parametrize("folder", ["s3://bucket/dumps", "hdfs://namenode/dumps"])
def test_a_folder_on_another_machine_is_refused(folder: str) -> None:
    with pytest.raises(ConfigurationError, match=f"dumps_dir: '{folder}' is not on this machine"):
        make_local_folder(folder)


def test_a_relative_folder_is_made_below_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [make_local_folder("a/../b/c") for _ in range(2)] == [tmp_path / "b" / "c"] * 2
    assert (tmp_path / "b" / "c").is_dir()


@pytest.mark.parametrize(("size", "complete"), [(None, False), (0, False), (999, False), (1001, False), (1000, True)])
def test_a_file_is_complete_if_it_has_all_bytes(tmp_path: Path, size: int | None, complete: bool) -> None:
    (tmp_path / "a.bz2.part").write_bytes(bytes(1000))
    if size is not None:
        (tmp_path / "a.bz2").write_bytes(bytes(size))
    assert is_complete(tmp_path, FILES[0]) == complete


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ({}, 1500),
        ({"a.bz2.part": 400}, 1100),
        ({"a.bz2": 1000}, 500),
        ({"b.gz": 9}, 1500),
        ({"a.bz2": 1000, "b.gz.part": 600}, 0),
    ],
    ids=["nothing", "a part", "a file", "a file of another size", "a part that is too long"],
)
def test_the_missing_bytes_must_fit_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: dict[str, int], missing: int
) -> None:
    (tmp_path / DUMP.folder).mkdir(parents=True)
    for name, size in present.items():
        (tmp_path / DUMP.folder / name).write_bytes(bytes(size))
    for free, fits in ((SPARE + missing, True), (SPARE + missing - 1, False)):
        monkeypatch.setattr(download_folder.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        if fits:
            check_disk_space(tmp_path, [DUMP])
            continue
        with pytest.raises(ConfigurationError, match=f"dumps_dir: '{tmp_path}' has .* free, and .* are still to come"):
            check_disk_space(tmp_path, [DUMP])


def test_checksums_are_listed_as_sha1sum_reads_them(tmp_path: Path) -> None:
    (tmp_path / DUMP.folder).mkdir(parents=True)
    write_checksum_list(tmp_path, DUMP)
    listed = (tmp_path / "jawiki/20240101/jawiki-20240101-sha1sums.txt").read_text()
    assert listed == f"{'a' * 40}  a.bz2\n{'b' * 40}  b.gz\n"
