"""When a training run draws its page (`run.html`) again."""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

RUN_PAGE = "run.html"
TIME_SHARE = 0.05
"""Largest share of a run's time that drawing takes: a run with frequent checkpoints draws at some of them."""
FIRST_SECONDS = 5.0
"""Assumed duration of the first drawing."""


class PageUpdates:
    """The page of a run that trains.

    A page that cannot be drawn is a warning, whatever the reason: it must not stop the run.
    """

    def __init__(
        self,
        folder: Path,
        draw_page: Callable[[Path], object] | None,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`draw_page` writes the page of a run into the run's folder, its argument; None draws nothing."""
        self._folder, self._draw_page, self._console, self._clock = folder, draw_page, console, clock
        self._ended, self._seconds = clock(), FIRST_SECONDS

    def draw(self) -> None:
        """Write the page now."""
        if self._draw_page is None:
            return
        began = self._clock()
        try:
            self._draw_page(self._folder)
        except Exception as error:
            page = self._folder / RUN_PAGE
            self._console.print(f"warning: {page} could not be drawn: {error!r}; training continues", style="yellow")
        self._ended = self._clock()
        self._seconds = self._ended - began

    def draw_if_due(self) -> None:
        """Write the page, unless drawing it this often would take more than `TIME_SHARE` of the time."""
        if self._seconds <= TIME_SHARE * (self._clock() - self._ended):
            self.draw()
