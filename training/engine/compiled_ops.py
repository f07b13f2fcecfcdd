"""Compilation when DeepSpeed starts on a CPU: with the ninja of this environment, and past the lock of a killed run.

torch compiles an extension once for all processes of a user: the first process creates the file `lock` beside it, keeps it open
while it compiles, and removes it; the others wait until it is gone. A run that is killed meanwhile leaves the lock, and every
later run would wait forever without a message. torch also compiles again whenever another ninja looks at the files of the last
one, which takes minutes.
"""

import os
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

LOCK = "lock"
SHARED_MEMORY_COLLECTIVES = "deepspeed_shm_comm"
SECOND_LOOK = 1.0
"""Seconds between two looks at a lock: its holder closes it shortly before it removes it."""


def extensions_folder() -> Path:
    """The folder of torch's compiled extensions."""
    return Path(os.environ.get("TORCH_EXTENSIONS_DIR", Path.home() / ".cache" / "torch_extensions"))


def prepare_compilation(one_machine: bool, announce: Callable[[str], None]) -> None:
    """Prepare for the extensions that DeepSpeed will compile or load on a CPU. `announce` prints slow work and removed locks.

    A lock that no process of this machine holds is removed if all ranks are on this machine (`one_machine`); otherwise its holder
    may be on another machine with the same home folder, and the lock is only announced.
    """
    os.environ["PATH"] = with_own_scripts_first(os.environ.get("PATH", ""))
    folder = extensions_folder()
    for lock in find_abandoned_locks(folder):
        if one_machine:
            lock.unlink(missing_ok=True)
            announce(f"{lock} was left by a run that was killed while DeepSpeed compiled: removed")
        else:
            announce(f"waiting for {lock}: if no machine compiles there, a run was killed while it did; remove the file")
    if not any(folder.glob(f"**/{SHARED_MEMORY_COLLECTIVES}.so")):
        announce(f"DeepSpeed compiles its shared-memory collectives once, into {folder}: about a minute")


def with_own_scripts_first(path: str) -> str:
    """PATH with the programs of this Python first, where ninja is, however this Python was started."""
    own = sysconfig.get_path("scripts")
    return os.pathsep.join([own, *(part for part in path.split(os.pathsep) if part and part != own)])


def find_abandoned_locks(folder: Path) -> Iterator[Path]:
    """Locks below the folder that no process of this machine has open."""
    for lock in sorted(folder.glob(f"*/*/{LOCK}")):
        if not is_held(lock):
            time.sleep(SECOND_LOOK)
            if lock.exists() and not is_held(lock):
                yield lock


def is_held(lock: Path) -> bool:
    """Whether a process that we may inspect has the file open."""
    real = str(lock.resolve())
    for process in psutil.process_iter():
        try:
            if any(file.path == real for file in process.open_files()):
                return True
        except psutil.Error:  # it has just ended, or is another user's
            continue
    return False
