"""Files that are replaced in one step."""

from pathlib import Path

import pytest

from spark_jobs.common.atomic_files import write_bytes_atomically, write_text_atomically
from spark_jobs.common.storage import Location


def write_text(path: Path, text: str) -> None:
    write_text_atomically(path, text)


def write_bytes(path: Path, text: str) -> None:
    write_bytes_atomically(Location.of(str(path)), text.encode())


@pytest.mark.parametrize("write", [write_text, write_bytes])
def test_a_file_is_replaced_and_no_temporary_file_remains(tmp_path: Path, write) -> None:
    path = tmp_path / "file.json"
    for text in ("first", "日本"):
        write(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_missing_parent_folders_are_created(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "a" / "b" / "file", "x")
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"


def test_a_failed_write_leaves_the_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "file", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text_atomically(tmp_path / "file", "\ud800")
    assert (tmp_path / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
