"""Measure CPU time and memory of a command and all its descendants, by role.

The processes are read every tenth of a second. For a process that ends, the last reading counts, so at most a tenth of a second
of each process is missed.
"""

import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_POLL_SECONDS = 0.1


@dataclass
class Usage:
    """The usage of a process tree. By role: CPU seconds (user + system), and the largest resident set of one process in bytes."""

    wall: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)

    @property
    def total_cpu(self) -> float:
        """CPU seconds of all processes."""
        return sum(self.cpu.values())


def role_of(process: psutil.Process, root: int) -> str:
    """Returns the role of a process of a PySpark application: `driver`, `JVM`, `workers` or `shell`."""
    if process.pid == root:
        return "driver"
    name = process.name()
    return "JVM" if name == "java" else "workers" if name.startswith("python") else "shell"


def watch_command(command: Sequence[str], log: Path, environment: Mapping[str, str], role: Callable[..., str] = role_of) -> Usage:
    """Runs `command` to its end with its output in `log`. Raises `CalledProcessError` with the end of the log if it fails."""
    cpu: dict[int, tuple[str, float]] = {}
    peak: dict[str, int] = defaultdict(int)
    started = time.monotonic()
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=dict(environment))
        root = psutil.Process(child.pid)
        while child.poll() is None:
            for process in _tree(root):
                try:
                    with process.oneshot():
                        kind = cpu.get(process.pid, ("shell", 0.0))[0]
                        if kind == "shell":  # a shell can be replaced by the program that it starts
                            kind = role(process, child.pid)
                        times = process.cpu_times()
                        cpu[process.pid] = (kind, times.user + times.system)
                        peak[kind] = max(peak[kind], process.memory_info().rss)
                except psutil.Error:
                    continue
            time.sleep(_POLL_SECONDS)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, log.read_text(errors="replace")[-4000:])
    total: dict[str, float] = defaultdict(float)
    for kind, seconds in cpu.values():
        total[kind] += seconds
    return Usage(time.monotonic() - started, dict(total), dict(peak))


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
