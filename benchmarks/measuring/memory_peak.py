"""The peak memory of the process itself, read from /proc (Linux)."""

import threading
import time
from pathlib import Path

_POLL_SECONDS = 0.01


def read_memory() -> dict[str, int]:
    """Returns the memory of this process in bytes: `VmRSS` (resident), `RssAnon` (anonymous), `RssFile` (file-backed)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {name: int(status[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon", "RssFile")}


class MemoryPeak(threading.Thread):
    """A thread that reads this process's memory a hundred times a second, from `start()` to `stop()`; peaks are in bytes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.resident = self.anonymous = self.file_backed = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        """Reads the memory until `stop()`."""
        while not self._stopped.is_set():
            memory = read_memory()
            self.resident = max(self.resident, memory["VmRSS"])
            self.anonymous = max(self.anonymous, memory["RssAnon"])
            self.file_backed = max(self.file_backed, memory["RssFile"])
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Ends the thread; the peaks stay."""
        self._stopped.set()
