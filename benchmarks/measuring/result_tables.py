"""Tables of figures, for the terminal or as Markdown for the documentation."""

import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

WIDTH = 130
"""Longest line of a caption."""


def format_markdown(
    header: Sequence[str], rows: Iterable[Sequence[str]], caption: str | None = None, label_column: bool = True
) -> str:
    """Returns a Markdown table with right-aligned columns, followed by the caption as a paragraph.

    With `label_column`, the first column is aligned to the left.

    >>> print(format_markdown(["", "MB/s"], [["ours", "2.0"]], "One core."))
    |  | MB/s |
    |---|--:|
    | ours | 2.0 |
    <BLANKLINE>
    One core.
    """
    first, *others = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    rule = ("|---|" if label_column else "|--:|") + "--:|" * (len(header) - 1)
    lines = [first, rule, *others]
    if caption is not None:
        lines += ["", *textwrap.wrap(caption, WIDTH)]
    return "\n".join(lines)


def print_figures(
    header: Sequence[str], rows: Iterable[Sequence[str]], caption: str | None = None, console: Console | None = None
) -> None:
    """Prints a table to the terminal, or to `console`."""
    grid = Table(*header, caption=caption)
    for row in rows:
        grid.add_row(*row)
    (console or Console()).print(grid)
