"""The files of a run folder's owner."""

import doctest

import pytest

from training.processes import owner_files
from training.processes.lease_rule import Lease
from training.processes.owner_files import OWNER, OwnerWatch, RankFile, describe_owner, rank_file_name
from training.processes.process_identity import read_own_identity


def test_the_worked_examples_hold():
    assert doctest.testmod(owner_files).failed == 0


def rank_file(**changes):
    """The file of a rank on another machine, unless `changes` are those of this one."""
    process = read_own_identity().model_copy(update={"kernel": "another", "host": "node-7"} | changes)
    return RankFile(process=process, rank=0, ranks=2, since="2026-03-01T09:00:00+00:00")


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 1024, b'{"process": "x"}'], ids=["empty", "keys", "zeros", "types"])
def test_a_file_that_cannot_be_read_is_watched_as_one_of_another_machine(tmp_path, content):
    (tmp_path / OWNER).mkdir()
    (tmp_path / OWNER / rank_file_name(0, "ab")).write_bytes(content)
    watch = OwnerWatch(tmp_path, stale=0.05)
    lease, files = watch.look()
    assert (lease, files) == (Lease.UNKNOWN, {"rank-00000-ab.json": None})
    assert describe_owner(files) == "a run whose files cannot be read (rank-00000-ab.json)"
    (tmp_path / OWNER / rank_file_name(0, "ab")).write_bytes(content + b"1")
    assert watch.look()[0] is Lease.HELD


def test_the_files_of_live_ranks_are_returned_and_all_files_have_one_size(tmp_path):
    (tmp_path / OWNER).mkdir()
    ended = rank_file(kernel=read_own_identity().kernel, pid=2**22 + 1)
    lives = rank_file(kernel=read_own_identity().kernel)
    for number, file in enumerate((ended, lives)):
        (tmp_path / OWNER / rank_file_name(number, "ab")).write_bytes(file.as_bytes())
    lease, files = OwnerWatch(tmp_path).look()
    assert lease is Lease.HELD
    assert list(files) == ["rank-00001-ab.json"]
    assert len({len(file.model_copy(update={"beat": beat}).as_bytes()) for file in (ended, lives) for beat in (0, 10**9)}) == 1


def test_other_files_are_not_of_a_rank(tmp_path):
    (tmp_path / OWNER).mkdir()
    (tmp_path / OWNER / ".nfs0000").write_bytes(b"")
    assert OwnerWatch(tmp_path).look() == (Lease.FREE, {})
    assert OwnerWatch(tmp_path / "absent").look() == (Lease.FREE, {})
