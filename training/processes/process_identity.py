"""Which process a process is, so that another one can find out later whether it has ended."""

import os
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_PROC = Path("/proc")


class ProcessIdentity(BaseModel):
    """A process among all of a cluster. Process ids repeat: on other machines, in other containers, and after a while."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    kernel: str
    """Id of the boot of its machine; empty where the system does not have one."""
    namespace: str
    """Its namespace of process ids: each container has another one."""
    pid: int
    started: int
    """Ticks between the boot of the machine and its start."""


def read_own_identity() -> ProcessIdentity:
    """The identity of this process."""
    kernel, namespace = _own_place()
    started = _state_and_start(os.getpid())[1]
    return ProcessIdentity(host=socket.gethostname(), kernel=kernel, namespace=namespace, pid=os.getpid(), started=started)


def has_ended(process: ProcessIdentity) -> bool | None:
    """Whether a process has ended; None for a process of another machine or container, which cannot be seen from here."""
    place = _own_place()
    if "" in place or place != (process.kernel, process.namespace):
        return None
    state, started = _state_and_start(process.pid)
    if state == "X" and _exists(process.pid):
        return None  # of another user, on a machine that hides those
    return started != process.started or state in ("Z", "X")


def _own_place() -> tuple[str, str]:
    try:
        kernel = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return kernel, str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return "", ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _state_and_start(pid: int) -> tuple[str, int]:
    """(state such as R or Z, ticks from the boot to the start) of a process; ("X", -1) without one."""
    try:
        # The name of the program is in parentheses, and may hold any character.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "X", -1
    return fields[0], int(fields[19])
