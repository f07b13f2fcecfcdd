"""One owner for a run folder: real processes that hold it, die, stop, and race for it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.processes.owner_files import OWNER
from training.processes.run_owner import RunFolderHeldError, RunFolderLostError, RunOwner

HOLD = (
    "import sys, time; from pathlib import Path; from training.processes.run_owner import RunOwner\n"
    "owner = RunOwner(Path(sys.argv[1]), int(sys.argv[2]), 2, beat=0.1)\n"
    "owner.acquire(print) if sys.argv[3] == 'new' else owner.join(sys.argv[3])\n"
    "print(owner.token, flush=True)\n"
    "while True:\n"
    "    time.sleep(0.05)\n"
    "    owner.require_held()\n"
)


@pytest.fixture
def hold(repository):
    """`hold(folder, rank=0, token="new")` is a process that owns a folder, and its token."""
    processes = []

    def start(folder, rank=0, token="new"):
        command = [sys.executable, "-c", HOLD, str(folder), str(rank), token]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=repository)
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def owner_of(folder, **changes):
    return RunOwner(folder, 0, 1, **{"beat": 0.1, "stale": 0.5} | changes)


def move_to_another_machine(folder):
    """Make the files look as if their processes ran on another machine."""
    for path in (folder / OWNER).iterdir():
        path.write_bytes(path.read_bytes().replace(b'"kernel":"', b'"kernel":"x'))


def test_a_held_folder_is_refused_with_the_holder_and_free_when_its_last_rank_was_killed(hold, tmp_path):
    folder = tmp_path / "run"
    first, token = hold(folder)
    second, _ = hold(folder, 1, token)
    with pytest.raises(RunFolderHeldError) as refused:
        owner_of(folder).acquire(print)
    assert f"belongs to a run that is still active: process {first.pid} on " in str(refused.value)
    assert "(rank 0 of 2, since " in str(refused.value)
    assert str(refused.value).endswith("or choose another output_dir")
    first.kill()
    first.wait()
    with pytest.raises(RunFolderHeldError, match=rf"process {second.pid} on .* \(rank 1 of 2"):
        owner_of(folder).acquire(print)
    second.kill()
    second.wait()
    announced = []
    with owner_of(folder, stale=60) as owner:
        began = time.monotonic()
        owner.acquire(announced.append)
        assert time.monotonic() - began < 5, "a process of this machine is not waited for"
        owner.require_held()
    [line] = announced
    assert line.startswith(f"{folder} is taken over from process {first.pid} on {os.uname().nodename} (rank 0 of 2, since ")
    assert list(folder.iterdir()) == []


def test_a_folder_is_removed_if_nothing_was_written_into_it(tmp_path):
    with owner_of(tmp_path / "new" / "run") as owner:
        owner.acquire(print)
    assert not (tmp_path / "new" / "run").exists()


def test_a_run_of_another_machine_is_taken_over_only_after_it_was_silent(tmp_path):
    silent = owner_of(tmp_path, beat=1000)
    silent.acquire(print)
    move_to_another_machine(tmp_path)
    announced, began = [], time.monotonic()
    with owner_of(tmp_path) as owner:
        owner.acquire(announced.append)
        assert time.monotonic() - began >= 0.5
        assert announced[0].endswith("watching for 0 s whether it is active")
        silent._confirmed -= 1e4  # its machine was suspended
        with pytest.raises(RunFolderLostError, match=r"was taken over by another run"):
            silent.require_held()
        owner.require_held()
    silent.release()


def test_a_run_of_another_machine_that_beats_is_not_taken_over(tmp_path):
    (folder := tmp_path / "run").mkdir()
    first = owner_of(folder, beat=1000)
    first.acquire(print)
    first._file = first._file.model_copy(update={"process": first._file.process.model_copy(update={"kernel": "another"})})
    ended = threading.Event()

    def beat():
        while not ended.wait(0.05):
            first._write_beat()

    threading.Thread(target=beat, daemon=True).start()
    with pytest.raises(RunFolderHeldError, match="still active"):
        owner_of(folder).acquire(print)
    ended.set()
    first.release()
    assert list(folder.iterdir()) == []


def test_of_many_that_race_for_an_abandoned_folder_one_becomes_the_owner(tmp_path):
    for _ in range(5):
        abandoned = owner_of(tmp_path, beat=1000)
        abandoned.acquire(print)
        for path in (tmp_path / OWNER).iterdir():
            content = json.loads(path.read_bytes())
            content["process"]["started"] -= 1
            path.write_text(json.dumps(content))
        racers, won, start = [owner_of(tmp_path) for _ in range(8)], [], threading.Barrier(8)

        def race(owner, won=won, start=start):
            start.wait()
            try:
                owner.acquire(lambda _: None)
                won.append(owner)
            except RunFolderHeldError:
                pass

        threads = [threading.Thread(target=race, args=(owner,)) for owner in racers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert [path.name for path in (tmp_path / OWNER).iterdir()] == [f"rank-00000-{won[0].token}.json"]
        won[0].release()
        assert list(tmp_path.iterdir()) == []


def test_a_stopped_process_that_continues_after_it_was_taken_over_ends_before_it_writes(hold, tmp_path):
    first, _ = hold(tmp_path)
    first.send_signal(signal.SIGSTOP)
    move_to_another_machine(tmp_path)
    with owner_of(tmp_path) as owner:
        owner.acquire(print)
        first.send_signal(signal.SIGCONT)
        _, errors = first.communicate(timeout=20)
        assert "RunFolderLostError: output_dir: " in errors
        owner.require_held()


def test_an_owner_keeps_a_folder_that_it_renames(tmp_path):
    with owner_of(tmp_path / "run") as owner:
        owner.acquire(print)
        (tmp_path / "run").rename(tmp_path / "run.1")
        (tmp_path / "run").mkdir()
        beat = threading.Thread(target=owner._write_beat)
        beat.start()
        time.sleep(0.3)
        (tmp_path / "run.1" / OWNER).rename(tmp_path / "run" / OWNER)
        beat.join()
        owner.require_held()
        with pytest.raises(RunFolderHeldError):
            owner_of(tmp_path / "run").acquire(print)


def test_a_rank_that_does_not_see_the_owner_is_not_on_a_shared_file_system(tmp_path):
    with pytest.raises(ConfigurationError, match=r"rank 3 does not see .*owner.* a file system that all machines share"):
        RunOwner(tmp_path / "other", 3, 4, beat=0.1, stale=0.3).join("ab")


def test_a_folder_that_cannot_be_written_or_has_foreign_files_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"file/run cannot be written \(Not a directory\); correct its permissions"):
        owner_of(tmp_path / "file" / "run").acquire(print)
    (tmp_path / OWNER).mkdir()
    (tmp_path / OWNER / "notes").write_text("")
    with pytest.raises(RunFolderHeldError, match="has files that no rank has written; remove it if no run is active"):
        owner_of(tmp_path).acquire(print)


def test_leftovers_of_a_killed_acquisition_are_removed(tmp_path):
    (tmp_path / "owner.0123abcd.new").mkdir()
    with owner_of(tmp_path) as owner:
        owner.acquire(print)
        assert [path.name for path in tmp_path.iterdir()] == [OWNER]
