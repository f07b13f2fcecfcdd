"""Progress of a run over several wikis: how many are finished, and one bar for each running stage."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spark_jobs.common.console import console

LINE_SECONDS = 10.0
"""Without a terminal there are no bars, and a line of progress is printed at most this often."""


class WikiProgress:
    """Counts finished and failed wikis and prints a line for each. Methods may be called from several threads."""

    def __init__(self, total: int) -> None:
        self.bars = make_bars("")
        self._total, self._done, self._failed = total, 0, 0
        self._lock = threading.Lock()
        self._last_line = time.monotonic()
        self._all = self.bars.add_task("all wikis", total=total, unit="wikis")

    def finish_wiki(self, line: str, failed: bool) -> None:
        """Count a wiki as finished or failed, and print `line`."""
        with self._lock:
            self._done, self._failed = self._done + 1, self._failed + failed
            self.bars.update(self._all, completed=self._done)
            style = "red" if failed else None
            console.print(f"  {self._done}/{self._total}  {line}", style=style, highlight=False, markup=False, soft_wrap=True)
            self._last_line = time.monotonic()

    def log_tasks(self, label: str, done: int, total: int) -> None:
        """Without a terminal, print the tasks of a running stage if the last line is older than `LINE_SECONDS`."""
        with self._lock:
            if not console.is_terminal and time.monotonic() - self._last_line >= LINE_SECONDS:
                self._last_line = time.monotonic()
                wikis = f"{self._done} of {self._total} wikis are finished, {self._failed} of them failed"
                console.print(f"  {wikis}; {label}: {done} of {total} tasks", highlight=False)


_active: WikiProgress | None = None


def active_wiki_progress() -> WikiProgress | None:
    """The progress of the run over several wikis, or None outside `show_wiki_progress`."""
    return _active


@contextmanager
def show_wiki_progress(total: int) -> Iterator[WikiProgress]:
    """Show the progress of `total` wikis while the body works on several at a time, in threads."""
    global _active  # noqa: PLW0603  (there is one console)
    _active = WikiProgress(total)
    try:
        with _active.bars:
            yield _active
    finally:
        _active = None


def make_bars(indent: str) -> Progress:
    """Progress bars with the number of finished tasks or wikis; disabled without a terminal."""
    return Progress(
        TextColumn(indent + "{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
