"""Consoles: one for logs on standard error, and one for results on standard output."""

import sys

from rich.console import Console, RenderableType

PIPED_WIDTH = 130
"""Width in columns where the output is not a terminal."""

console = Console(stderr=True)
"""For logs and progress: standard output is for results."""


def result_console(*, quiet: bool = False) -> Console:
    """A console on standard output: as wide as the terminal, or `PIPED_WIDTH` columns in a pipe or a file."""
    return Console(file=sys.stdout, quiet=quiet, highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def print_table(table: RenderableType) -> None:
    """Print a table to standard error, at least `PIPED_WIDTH` columns wide, so that no column is cut off."""
    Console(stderr=True, width=max(console.width, PIPED_WIDTH)).print(table)
