"""Progress of downloads: bars in a terminal, a line every few seconds elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from spark_jobs.common.console import console

_LINE_SECONDS = 10.0


class TransferProgress:
    """One bar for all files and one for each file in transfer. Safe for use by several threads; a context manager."""

    def __init__(self, total: int) -> None:
        """`total`: bytes of all files to download."""
        self._total, self._done, self._lock = total, 0, threading.Lock()
        self._last_line = time.monotonic()
        self._bars = Progress(
            TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._all = self._bars.add_task("all files", total=total)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    @contextmanager
    def track_file(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Show a bar for one file of `size` bytes. Gives a function to call with its bytes so far, which can become smaller."""
        bar = self._bars.add_task(name, total=size)
        before = 0

        def report_bytes(now: int) -> None:
            nonlocal before
            with self._lock:
                self._done += now - before
                before = now
                self._bars.update(bar, completed=now)
                self._bars.update(self._all, completed=self._done)
                self._print_line()

        try:
            yield report_bytes
        finally:
            self._bars.remove_task(bar)

    def _print_line(self) -> None:
        if not console.is_terminal and time.monotonic() - self._last_line >= _LINE_SECONDS:
            self._last_line = time.monotonic()
            console.print(f"  {decimal(self._done)} of {decimal(self._total)} are there", highlight=False)
