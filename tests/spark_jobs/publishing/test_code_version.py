"""The version of the code: any change of a source file changes it, and nothing else."""

import importlib.resources
import re
from pathlib import Path

import pytest

from spark_jobs import __version__
from spark_jobs.publishing.code_version import code_version


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes the place of the package."""
    (tmp_path / "room").mkdir()
    (tmp_path / "a.py").write_bytes(b"a")
    (tmp_path / "room" / "b.yaml").write_bytes(b"b")
    monkeypatch.setattr(importlib.resources, "files", lambda _: tmp_path)
    return tmp_path


def compute() -> str:
    """The version, without the cache."""
    version: str = code_version.__wrapped__()
    return version


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.py").write_bytes(b"aa"),
        lambda folder: (folder / "room" / "b.yaml").write_bytes(b""),
        lambda folder: (folder / "a.py").rename(folder / "c.py"),
        lambda folder: (folder / "room" / "b.yaml").rename(folder / "b.yaml"),
        lambda folder: (folder / "room" / "c.py").touch(),
        lambda folder: (folder / "a.py").unlink(),
    ],
    ids=["a file", "a file in a room", "a name", "a room", "a new file", "a removed file"],
)
def test_a_change_of_the_sources_changes_the_version(sources: Path, change) -> None:
    before = compute()
    change(sources)
    assert compute() != before


def test_compiled_files_do_not_count(sources: Path) -> None:
    before = compute()
    (sources / "room" / "__pycache__").mkdir()
    (sources / "room" / "__pycache__" / "a.cpython-311.pyc").touch()
    (sources / "a.pyc").touch()
    assert compute() == before


def test_another_version_of_a_library_that_writes_the_output_changes_the_version(sources: Path, monkeypatch) -> None:
    before = compute()
    monkeypatch.setattr("spark_jobs.publishing.code_version.version", lambda name: "0" if name == "lxml" else "1")
    assert compute() != before


def test_the_version_is_the_release_and_twelve_digits() -> None:
    assert re.fullmatch(re.escape(__version__) + r"\+[0-9a-f]{12}", code_version())
    assert code_version() == compute()
