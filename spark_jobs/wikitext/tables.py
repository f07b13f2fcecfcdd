"""Tables, `{| |}` and `<table>`: dropped, balanced. One that never closes loses only its rows, not the page after it.

`cells.py` has the other choice: to keep what stands in them.
"""

import re
from collections.abc import Iterator

from spark_jobs.wikitext.page import DROPPED, Page

_EDGES = re.compile(r"\{\||\|\}|<table(?=[\s/>])|</table\s*>", re.IGNORECASE)
_BEFORE_TABLE = f" \t:{DROPPED}"
_OPENING = {"{|": "{|", "<table": "<table"}
_ROW = ("|", "!", "{|")


def drop_tables(text: str, page: Page) -> str:
    """`text` without tables. A row outside any table (its start came from a template) goes too."""
    if "{|" in text or "<table" in text or "<TABLE" in text:
        spans = list(_closed_tables(text, page))
        if spans:
            page.count("tables", len(spans))
            text = _without(text, spans)
    if "\n|" in text or text[:1] == "|" or "{|" in text:
        text = _drop_rows(text)
    return text


def _closed_tables(text: str, page: Page) -> Iterator[tuple[int, int]]:
    """Spans of the outermost tables that close, in order."""
    open_wiki: list[int] = []
    open_html: list[int] = []
    spans: list[tuple[int, int]] = []
    for edge in _EDGES.finditer(text):
        kind = edge[0].lower()
        if kind == "{|":
            start = _line_start(text, edge.start())
            if start is not None:
                open_wiki.append(start)
            continue
        if kind == "<table":
            open_html.append(edge.start())
            continue
        if kind == "|}" and (text[edge.end() : edge.end() + 1] == "}" or _line_start(text, edge.start()) is None):
            continue
        stack = open_wiki if kind == "|}" else open_html
        if not stack:
            continue
        start, end = stack.pop(), edge.end()
        while spans and spans[-1][0] >= start:
            spans.pop()
        spans.append((start, end))
    page.count("unclosed_tables", len(open_wiki) + len(open_html))
    covered = 0
    for start, end in spans:
        if start >= covered:
            yield start, end
            covered = end


def _line_start(text: str, position: int) -> int | None:
    """Start of the line if only white space, colons and dropped templates stand before `position`: a table may begin there."""
    start = text.rfind("\n", max(0, position - 64), position) + 1
    if start == 0 and position > 64:
        return None
    return None if text[start:position].strip(_BEFORE_TABLE) else start


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    out: list[str] = []
    last = 0
    for start, end in spans:
        out.append(text[last:start])
        last = end
    out.append(text[last:])
    return DROPPED.join(out)


def _drop_rows(text: str) -> str:
    return "\n".join([line for line in text.split("\n") if not line.lstrip(_BEFORE_TABLE).startswith(("|", "{|"))])
