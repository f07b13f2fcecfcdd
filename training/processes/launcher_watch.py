"""Ranks that end with their launcher.

A launcher that ends by itself ends its ranks first. One that is killed (SIGKILL, out of memory) cannot: its ranks would train to
the end, beside those of the same command given again. So every rank watches its launcher. `deepspeed` has two processes on the
first machine, and both are watched.

A rank without a launcher has nothing to watch: `python training/train.py` survives the shell that started it.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import PurePath
from types import TracebackType

import psutil

LOOK_EVERY = 0.5
"""Seconds between two looks at the launcher."""
GRACE = 600.0
"""Seconds that a rank has to save and end, after which it is killed: as long as the largest checkpoints take on slow storage."""

_PROGRAMS = ("torchrun", "deepspeed", "ds", "accelerate")
_MODULES = (
    *("torch.distributed.run", "torch.distributed.launch", "deepspeed.launcher.launch", "deepspeed.launcher.runner"),
    "accelerate.commands.launch",
)


class LauncherWatch:
    """Calls a function once when the launcher of this rank has ended; watches between `__enter__` and `__exit__`."""

    def __init__(self, when_ended: Callable[[], object], grace: float = GRACE) -> None:
        """`when_ended` runs in another thread, and must make the process end within `grace` seconds."""
        self._when_ended, self._grace = when_ended, grace
        self._lock, self._stopped, self._has_ended = threading.Lock(), threading.Event(), False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "LauncherWatch":
        launchers = find_launchers()
        if launchers:
            self._thread = threading.Thread(target=self._watch, args=(launchers,), name="launcher-watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10 * LOOK_EVERY)  # a thread that runs at the exit of a process can abort it

    def call_instead(self, when_ended: Callable[[], object]) -> None:
        """From now on call this function; at once, if the launcher has ended already."""
        with self._lock:
            self._when_ended = when_ended
            if self._has_ended:
                when_ended()

    def _watch(self, launchers: Sequence[psutil.Process]) -> None:
        while not any(map(is_over, launchers)):
            if self._stopped.wait(LOOK_EVERY):
                return
        with contextlib.suppress(OSError, ValueError):  # standard error may have ended with the launcher
            print(f"the launcher (process {launchers[-1].pid}) has ended, so this rank ends too", file=sys.stderr, flush=True)
        with self._lock:
            self._has_ended = True
            self._when_ended()
        if not self._stopped.wait(self._grace):
            os.kill(os.getpid(), signal.SIGKILL)


def find_launchers() -> list[psutil.Process]:
    """The processes from the parent of this one up to the outermost launcher; empty without a launcher."""
    parents = psutil.Process().parents()
    known = [number for number, parent in enumerate(parents) if is_launcher(_command_line(parent))]
    return parents[: known[-1] + 1] if known else []


def is_launcher(command: Sequence[str]) -> bool:
    """Whether a command line is that of a launcher.

    >>> is_launcher(["/venv/bin/python", "/venv/bin/torchrun", "--nproc-per-node", "8", "train.py"])
    True
    >>> is_launcher(["python", "-u", "-m", "deepspeed.launcher.launch", "--world_info=e30="])
    True
    >>> is_launcher(["bash", "-c", "torchrun train.py"]), is_launcher(["vim", "notes", "torchrun"]), is_launcher([])
    (False, False, False)
    """
    if not command:
        return False
    if PurePath(command[0]).name in _PROGRAMS:
        return True
    if not PurePath(command[0]).name.startswith("python"):
        return False
    for number, argument in enumerate(command[1:], 1):
        if argument == "-m":
            return command[number + 1 : number + 2] in [[module] for module in _MODULES]
        if not argument.startswith("-"):
            return PurePath(argument).name in _PROGRAMS
    return False


def is_over(process: psutil.Process) -> bool:
    """Whether a process has ended; one whose parent has not noticed yet is a zombie."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
