"""Tables kept as text (`Options.tables="text"`): a line per row, cells separated by bars. Source: MediaWiki's "Help:Tables".

Reads `{| |}` only; the pass over HTML tags turns the tags of `<table>` into line breaks.
"""

import re
from dataclasses import dataclass, field

from spark_jobs.wikitext.page_state import BREAK, DROPPED, PageState

_START = re.compile(rf"[ \t:{DROPPED}]*\{{\|")
_BAR = " | "


@dataclass(slots=True)
class _OpenTable:
    """A table being read: its finished lines, and the cells of the current row, each a list of lines."""

    lines: list[str] = field(default_factory=list)
    row: list[list[str]] = field(default_factory=list)

    def end_row(self) -> None:
        """Finish a row: one line if every cell is one line, else separate lines for each cell."""
        cells = [[line for line in cell if line.strip(f" \t{DROPPED}")] for cell in self.row]
        if all(len(cell) <= 1 for cell in cells):
            text = _BAR.join(cell[0].strip() for cell in cells if cell)
            self.lines += [BREAK + text] if text else []
        else:
            for cell in cells:
                self.lines += [BREAK, *cell]
        self.row = []

    def add(self, line: str) -> None:
        """Add a line without table syntax to the last cell; before any cell it becomes a cell."""
        if self.row:
            self.row[-1].append(line)
        else:
            self.row.append([line])


def keep_table_text(text: str, page: PageState) -> str:
    """`text` with the cells of its tables as lines, without attributes. An unclosed table ends with the page.

    Worked example: the row `| colspan=2 | [[c|d]] || e` becomes the line `[[c|d]] | e`.
    """
    if "{|" not in text:
        return text
    out: list[str] = []
    tables: list[_OpenTable] = []
    for line in text.split("\n"):
        if _START.match(line) and len(tables) < page.budget.depth:
            tables.append(_OpenTable())
            page.count("tables")
        elif not tables:
            out.append(line)
        else:
            _read_line(line, tables, out)
    while tables:
        _close_table(tables, out, "")
    return "\n".join(out)


def _read_line(line: str, tables: list[_OpenTable], out: list[str]) -> None:
    """Read one line of the innermost table."""
    syntax = line.lstrip(f" \t{DROPPED}")
    table = tables[-1]
    if syntax.startswith("|}"):
        _close_table(tables, out, syntax[2:])
    elif syntax.startswith("|-"):
        table.end_row()
    elif syntax.startswith("|+"):
        table.end_row()
        table.row.append([_cell_content(syntax[2:])])
    elif syntax[:1] == "|":
        table.row += [[_cell_content(cell)] for cell in syntax[1:].split("||")]
    elif syntax[:1] == "!":
        table.row += [[_cell_content(cell)] for cell in syntax[1:].replace("!!", "||").split("||")]
    else:
        table.add(line)


def _close_table(tables: list[_OpenTable], out: list[str], after: str) -> None:
    """Close the innermost table and add its lines to the cell around it, or to the page."""
    table = tables.pop()
    table.end_row()
    lines = [*table.lines, BREAK + after]
    if not tables:
        out += lines
    else:
        for line in lines:
            tables[-1].add(line)


def _cell_content(cell: str) -> str:
    """A cell without its attributes: the text before its first bar, unless it contains a link."""
    attributes, bar, content = cell.partition("|")
    return content if bar and "[[" not in attributes else cell
