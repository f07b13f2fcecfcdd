"""What DeepSpeed compiles when it starts: with the ninja of this environment, and past the lock of a run that was killed.

torch compiles an extension once for all processes of a user: the first makes the file `lock` beside it, keeps it open while it
compiles, and removes it; the others look for it to go. A run that is killed in between leaves it there, and every later one would
wait for ever without a word. torch also compiles anew whenever another ninja looks at what the last one did, which takes minutes.
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
    """Where torch keeps what it compiles."""
    return Path(os.environ.get("TORCH_EXTENSIONS_DIR", Path.home() / ".cache" / "torch_extensions"))


def prepare(one_machine: bool, announce: Callable[[str], None]) -> None:
    """Make ready for what DeepSpeed will compile or load on a CPU. `announce` is told what takes long, and what was mended.

    A lock that no process of this machine holds is removed if all ranks are here (`one_machine`); otherwise its holder may be
    elsewhere, with the same home folder, and it is only told.
    """
    os.environ["PATH"] = with_own_scripts(os.environ.get("PATH", ""))
    folder = extensions_folder()
    for lock in left_behind(folder):
        if one_machine:
            lock.unlink(missing_ok=True)
            announce(f"{lock} was left by a run that was killed while DeepSpeed compiled: removed")
        else:
            announce(f"waiting for {lock}: if no machine compiles there, a run was killed while it did; remove the file")
    if not any(folder.glob(f"**/{SHARED_MEMORY_COLLECTIVES}.so")):
        announce(f"DeepSpeed compiles its shared-memory collectives once, into {folder}: about a minute")


def with_own_scripts(path: str) -> str:
    """PATH with the programs of this Python first, where ninja is, however this Python was started."""
    own = sysconfig.get_path("scripts")
    return os.pathsep.join([own, *(part for part in path.split(os.pathsep) if part and part != own)])


def left_behind(folder: Path) -> Iterator[Path]:
    """Locks below the folder that no process of this machine has open."""
    for lock in sorted(folder.glob(f"*/*/{LOCK}")):
        if not is_held(lock):
            time.sleep(SECOND_LOOK)
            if lock.exists() and not is_held(lock):
                yield lock


def is_held(lock: Path) -> bool:
    """Whether a process that we may look at has the file open."""
    real = str(lock.resolve())
    for process in psutil.process_iter():
        try:
            if any(file.path == real for file in process.open_files()):
                return True
        except psutil.Error:  # it has just ended, or is another user's
            continue
    return False
