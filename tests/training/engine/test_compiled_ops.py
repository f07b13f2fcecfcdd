"""Locks of killed runs, and which ninja compiles."""

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
    """Where torch puts the lock of an extension; nothing lies there yet."""
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin")
    folder = tmp_path / "py311_cpu" / SHARED_MEMORY_COLLECTIVES
    folder.mkdir(parents=True)
    return folder / "lock"


def killed_while_it_compiles(lock):
    """What torch does before it compiles, in a process that ends without removing what it made."""
    code = f"import os; from torch.utils.file_baton import FileBaton; assert FileBaton({str(lock)!r}).try_acquire(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert lock.exists()


def test_the_lock_of_a_killed_run_is_removed_and_told(lock):
    killed_while_it_compiles(lock)
    said = []
    prepare_compilation(True, said.append)
    assert not lock.exists()
    assert said[0] == f"{lock} was left by a run that was killed while DeepSpeed compiled: removed"
    assert "compiles its shared-memory collectives once" in said[1]


def test_where_its_holder_may_be_on_another_machine_it_is_only_told(lock):
    killed_while_it_compiles(lock)
    lock.with_name(f"{SHARED_MEMORY_COLLECTIVES}.so").touch()
    said = []
    prepare_compilation(False, said.append)
    assert lock.exists()
    [line] = said
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
