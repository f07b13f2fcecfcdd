"""Inputs that change while a stage reads them."""

import os
from pathlib import Path

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.publishing.input_changes import InputChangedError, require_unchanged


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "x.gz").write_bytes(b"12345")
    os.utime(tmp_path / "x.gz", (1_700_000_000, 1_700_000_000))
    return tmp_path / "x.gz"


CHANGES = {
    "a longer file": (lambda path: path.write_bytes(b"1" * 1234), r"1,234 bytes of \d{4}-.* UTC now"),
    "a later time": (lambda path: os.utime(path, (1_700_000_001,) * 2), r"5 bytes of 2023-11-14 22:13:21\.000000 UTC now"),
    "a removed file": (Path.unlink, "missing now"),
}


@pytest.mark.parametrize(("change", "now"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_described(file: Path, change, now: str) -> None:
    message = rf"^{file} changed while it was read: 5 bytes of 2023-11-14 22:13:20\.000000 UTC when the stage began, {now}\. "
    with pytest.raises(InputChangedError, match=message), require_unchanged([Location.of(str(file))]):
        change(file)


def test_a_file_that_appears_has_changed(tmp_path: Path) -> None:
    absent = tmp_path / "y.gz"
    with (
        pytest.raises(InputChangedError, match="missing when the stage began, 1 bytes of"),
        require_unchanged([Location.of(str(absent))]),
    ):
        absent.write_bytes(b"1")


def remove_and_fail(file: Path) -> None:
    file.unlink()
    raise ValueError("a bad stream")


def test_the_change_replaces_an_exception_that_it_may_have_caused(file: Path) -> None:
    with pytest.raises(InputChangedError) as error, require_unchanged([Location.of(str(file))]):
        remove_and_fail(file)
    assert str(error.value.__cause__) == "a bad stream"


def test_without_a_change_the_body_decides(file: Path) -> None:
    with require_unchanged([]), require_unchanged([Location.of(str(file))]):
        file.read_bytes()
    with pytest.raises(ValueError, match="a bad stream"), require_unchanged([Location.of(str(file))]):
        raise ValueError("a bad stream")
