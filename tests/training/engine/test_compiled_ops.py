"""Locks of killed runs, and the ninja that compiles."""

import subprocess
import sys
import sysconfig

import pytest
from torch.utils.file_baton import FileBaton

from training.engine.compiled_ops import (
    SHARED_MEMORY_COLLECTIVES,
    extensions_folder,
    find_abandoned_locks,
    prepare_compilation,
    with_own_scripts_first,
)

OWN = sysconfig.get_path("scripts")


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """The path of torch's lock of an extension; no file exists yet."""
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin")
    folder = tmp_path / "py311_cpu" / SHARED_MEMORY_COLLECTIVES
    folder.mkdir(parents=True)
    return folder / "lock"


def leave_lock_of_killed_process(lock):
    """Take the lock as torch does before it compiles, in a process that ends without removing it."""
    code = f"import os; from torch.utils.file_baton import FileBaton; assert FileBaton({str(lock)!r}).try_acquire(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert lock.exists()


def test_the_lock_of_a_killed_run_is_removed_and_announced(lock):
    leave_lock_of_killed_process(lock)
    announced = []
    prepare_compilation(True, announced.append)
    assert not lock.exists()
    assert announced[0] == f"{lock} was left by a run that was killed while DeepSpeed compiled: removed"
    assert "compiles its shared-memory collectives once" in announced[1]


def test_a_lock_that_another_machine_may_hold_is_only_announced(lock):
    leave_lock_of_killed_process(lock)
    lock.with_name(f"{SHARED_MEMORY_COLLECTIVES}.so").touch()
    announced = []
    prepare_compilation(False, announced.append)
    assert lock.exists()
    [line] = announced
    assert f"waiting for {lock}: " in line


def test_the_lock_of_a_run_that_compiles_stays(lock):
    baton = FileBaton(str(lock))
    assert baton.try_acquire()
    assert list(find_abandoned_locks(extensions_folder())) == []
    baton.release()
    assert list(find_abandoned_locks(extensions_folder())) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/usr/bin:/bin", f"{OWN}:/usr/bin:/bin"),
        (f"/usr/bin:{OWN}:/bin", f"{OWN}:/usr/bin:/bin"),
        (f"{OWN}:/usr/bin", f"{OWN}:/usr/bin"),
        ("", OWN),
    ],
)
def test_the_programs_beside_this_python_come_first(path, expected):
    assert with_own_scripts_first(path) == expected
