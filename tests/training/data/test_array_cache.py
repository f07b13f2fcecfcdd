"""Arrays that are computed once on a machine."""

import contextlib
import multiprocessing
import os
import re
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest

import training.data.array_cache
from training.config import DataSettings
from training.data.array_cache import ArrayCache
from training.data.cache_entries import ArrayFile
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream

RULES = StreamRules(
    seed=1, sequence_length=32, global_batch_size=4, slots=2, shuffle_window=2, strategy="right", probability=0.5, tags=(63, 64),
    bos=1, eos=None, predict_names=True,
)  # fmt: skip


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
    closed = file.close()
    assert (closed.dtype, closed.size, closed.bytes) == ("<u2", 1, 2)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


DAMAGES = {
    "a bit of an array": (lambda entry: flip(entry / "a", 9), r"a has another checksum \(CRC-32\)"),
    "an array is cut": (lambda entry: os.truncate(entry / "a", 12), "a has 12 bytes, not 40"),
    "an array is empty": (lambda entry: os.truncate(entry / "a", 0), "a has 0 bytes, not 40"),
    "an array has grown": (lambda entry: (entry / "a").write_bytes(bytes(48)), "a has 48 bytes"),
    "an array is gone": (lambda entry: (entry / "a").unlink(), "a cannot be read: No such file"),
    "the description is empty": (lambda entry: os.truncate(entry / "about.json", 0), "about.json cannot be read"),
    "the description is cut": (lambda entry: os.truncate(entry / "about.json", 30), "about.json cannot be read"),
    "the description is a list": (lambda entry: (entry / "about.json").write_text("[]"), "about.json cannot be read"),
    "the description is gone": (lambda entry: (entry / "about.json").unlink(), "about.json cannot be read"),
    "another version wrote the description": (
        lambda entry: (entry / "about.json").write_text('{"a": {"dtype": "<i8", "size": 5}}'),
        "another version wrote it",
    ),
    "the description has another type": (
        lambda entry: (entry / "about.json").write_text((entry / "about.json").read_text().replace("<i8", "<u8")),
        "about.json has other content",
    ),
    "the description lacks an array": (
        lambda entry: (entry / "about.json").write_text(re.sub(r'"none":\{[^}]*\}', "", (entry / "about.json").read_text())),
        "about.json",
    ),
    "the entry is a file": (lambda entry: (shutil.rmtree(entry), entry.write_text("x")), "about.json cannot be read"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_entry_is_built_again_and_named(tmp_path, caplog, what):
    damage, message = DAMAGES[what]
    ArrayCache(tmp_path).get_or_build("key", content)
    assert caplog.text == ""
    damage(tmp_path / "key")
    found = ArrayCache(tmp_path).get_or_build("key", content)
    assert {name: values.tolist() for name, values in found.items()} == {"a": [0, 1, 2, 3, 4], "none": []}
    assert re.search(rf"data.cache: the entry {tmp_path}/key is damaged and built again: .*{message}", caplog.text)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["key"]
    made = []
    ArrayCache(tmp_path).get_or_build("key", lambda: made.append(1) or content())
    assert made == [], "the new entry is intact"


def test_processes_that_have_mapped_a_damaged_entry_keep_it(tmp_path):
    mapped = ArrayCache(tmp_path).get_or_build("key", content)["a"]
    os.truncate(tmp_path / "key" / "none", 0)
    flip(tmp_path / "key" / "about.json", 20)
    ArrayCache(tmp_path).get_or_build("key", content)
    assert mapped.tolist() == [0, 1, 2, 3, 4]


def test_a_folder_that_cannot_be_written_is_an_error_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match=r"data.cache: .*/file/cache/key cannot be written \(Not a directory\); set"):
        ArrayCache(tmp_path / "file" / "cache").get_or_build("key", content)


def test_a_disk_that_does_not_keep_what_is_written_is_an_error(tmp_path, monkeypatch):
    rename = Path.rename

    def lose_bits(path, target):
        if (path / "a").is_file():
            flip(path / "a", 3)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", lose_bits)
    with pytest.raises(CorpusError, match="was just written and is damaged: a has another checksum"):
        ArrayCache(tmp_path).get_or_build("key", content)


def test_the_batches_of_a_stream_do_not_change_with_a_bit_of_its_cache(fresh_corpus, caplog):
    cache = Path(fresh_corpus.data["cache"])

    def read():
        stream = Stream(open_corpus(DataSettings(**fresh_corpus.data)), RULES, cache)
        return stream.fingerprint, stream.batch(3).input_ids.tolist()

    before = read()
    files = sorted(path for path in cache.glob("*/*") if path.name != "about.json")
    assert {path.name for path in files} >= {"num_tokens", "page_id", "order", "begins"}
    for path in files:
        flip(path, path.stat().st_size // 2)
    assert read() == before
    assert all(f"the entry {path.parent} is damaged" in caplog.text for path in files)
