"""Locations on a local disk; tests/spark_jobs/test_object_store_build.py has those on S3."""

import hashlib
import pickle
from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location


@pytest.fixture
def folder(tmp_path: Path) -> Location:
    location = Location.of(str(tmp_path))
    (location / "a").make_folder()
    (location / "a/x").write_bytes(b"x" * 3)
    (location / "y").write_bytes(b"y")
    return location


def test_a_relative_path_starts_at_the_current_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Location.of("a/b") == Location.of(str(tmp_path / "a" / "b"))


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("s3://bucket/key?region=us-east-1", "s3a://bucket/key"),
        ("s3a://bucket/key/?region=us-east-1", "s3a://bucket/key"),
        ("/data/x", "file:///data/x"),
    ],
)
def test_a_location_has_one_uri_and_is_printed_as_the_user_writes_it(text: str, uri: str) -> None:
    location = Location.of(text)
    assert location.uri == uri
    assert str(location) == ("/data/x" if uri.startswith("file://") else uri)


def test_an_unknown_file_system_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'nowhere://a/b' cannot be reached"):
        Location.of("nowhere://a/b")


def test_files_are_listed_below_a_folder_and_can_be_read(folder: Location) -> None:
    assert folder.files() == ["a/x", "y"]
    assert ((folder / "a/x").size(), (folder / "a/x").name) == (3, "x")
    assert (folder / "a/x").read_bytes() == b"xxx"
    assert (folder / "y").sha256() == hashlib.sha256(b"y").hexdigest()
    assert pickle.loads(pickle.dumps(folder / "y")).read_bytes() == b"y"


def test_a_folder_is_moved_and_removed(folder: Location) -> None:
    (folder / "a").put_folder(folder / "b/c", last="x")
    assert folder.files() == ["b/c/x", "y"]
    (folder / "b").remove_folder()
    (folder / "b").remove_folder()  # a missing folder is fine
    assert not (folder / "b").exists()
    (folder / "y").remove()
    assert folder.files() == []
