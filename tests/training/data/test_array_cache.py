"""Arrays that are computed once on a machine."""

import contextlib
import multiprocessing
import socket
import time
from pathlib import Path

import numpy as np
import pytest

import training.data.array_cache
from training.data.array_cache import ArrayCache, ArrayFile


def content():
    return {"a": np.arange(5), "none": np.zeros(0, dtype=np.uint32)}


def test_an_entry_is_built_once_and_mapped_read_only_afterwards(tmp_path):
    made = []
    for _ in range(2):
        found = ArrayCache(tmp_path / "cache").get_or_build("key", lambda: made.append(1) or content())
        assert {name: (values.dtype, values.tolist()) for name, values in found.items()} == {
            name: (values.dtype, values.tolist()) for name, values in content().items()
        }
        assert not found["a"].flags.writeable
    assert made == [1]


def test_without_a_folder_arrays_stay_in_memory(tmp_path):
    assert ArrayCache(None).get_or_build("key", content)["a"].tolist() == [0, 1, 2, 3, 4]
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_no_entry_and_the_next_one_starts_afresh(tmp_path):
    def fail(folder: Path):
        (folder / "a").write_bytes(b"half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        ArrayCache(tmp_path).get_or_write("key", fail)
    assert not (tmp_path / "key").exists()
    assert ArrayCache(tmp_path).get_or_build("key", content)["a"].tolist() == [0, 1, 2, 3, 4]


def _build_entry(folder: Path, log: Path) -> None:
    def build():
        with log.open("a") as file:
            file.write("x")
        time.sleep(0.5)
        return content()

    assert ArrayCache(folder).get_or_build("key", build)["a"].tolist() == [0, 1, 2, 3, 4]


def test_processes_that_start_together_build_an_entry_once(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_build_entry, args=(tmp_path / "cache", tmp_path / "log")) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "x"


def test_machines_without_common_locks_do_not_disturb_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(training.data.array_cache, "FileLock", lambda _: contextlib.nullcontext())
    leftover = tmp_path / f"key.{socket.gethostname()}.1.partial"  # of a killed process of this machine
    leftover.mkdir()

    def build_slowly():
        # Meanwhile another machine builds the same entry and finishes first.
        monkeypatch.setattr(socket, "gethostname", lambda: "other")
        assert ArrayCache(tmp_path).get_or_build("key", content)["a"].tolist() == [0, 1, 2, 3, 4]
        return content()

    assert ArrayCache(tmp_path).get_or_build("key", build_slowly)["a"].tolist() == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key"]


def test_values_that_do_not_fit_are_refused(tmp_path):
    file = ArrayFile(tmp_path / "a", np.uint16)
    file.append(np.array([65_535]))
    with pytest.raises(OverflowError, match="65536 does not fit uint16"):
        file.append(np.array([65_536]))
    assert file.close() == {"dtype": "<u2", "size": 1}
