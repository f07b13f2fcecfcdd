"""Tables, `{| |}` and `<table>`, dropped (`Options.tables="drop"`). An unclosed table loses its rows, not the rest of the page.

`table_text` is the alternative: it keeps the text of the cells.
"""

import re
from collections.abc import Iterator

from spark_jobs.wikitext.page_state import DROPPED, PageState

_EDGES = re.compile(r"\{\||\|\}|<table(?=[\s/>])|</table\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?table", re.IGNORECASE)
_BEFORE_TABLE = f" \t:{DROPPED}"
_ROW = re.compile(rf"\n[{_BEFORE_TABLE}]*+(?:\||\{{\|)[^\n]*+")


def drop_tables(text: str, page: PageState) -> str:
    """`text` without tables, and without rows outside of tables, whose start came from a template."""
    if ("{" in text and "{|" in text) or "<table" in text or "<TABLE" in text:
        spans = list(_closed_tables(text, page))
        if spans:
            page.count("tables", len(spans))
            text = _remove_spans(text, spans)
    return _drop_rows(text)


def _table_edges(text: str) -> Iterator[tuple[str, int, int]]:
    """The markup that opens or closes tables, in order: its text, start and end."""
    if _TAG.search(text) is not None:
        yield from ((edge[0].lower(), edge.start(), edge.end()) for edge in _EDGES.finditer(text))
        return
    opening = text.find("{|")
    closing = text.find("|}", opening)  # a `|}` before the first `{|` closes nothing
    while opening >= 0 or closing >= 0:
        is_opening = opening >= 0 and not 0 <= closing < opening
        start = opening if is_opening else closing
        end = start + 2
        yield text[start:end], start, end
        if 0 <= opening < end:
            opening = text.find("{|", end)
        if 0 <= closing < end:
            closing = text.find("|}", end)


def _closed_tables(text: str, page: PageState) -> Iterator[tuple[int, int]]:
    """Spans of the outermost closed tables, in order."""
    open_wiki: list[int] = []
    open_html: list[int] = []
    spans: list[tuple[int, int]] = []
    for kind, begin, end in _table_edges(text):
        if kind == "{|":
            line_start = _line_start(text, begin)
            if line_start is not None:
                open_wiki.append(line_start)
            continue
        if kind == "<table":
            open_html.append(begin)
            continue
        if kind == "|}" and (text[end : end + 1] == "}" or _line_start(text, begin) is None):
            continue
        stack = open_wiki if kind == "|}" else open_html
        if not stack:
            continue
        start = stack.pop()
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
    """Start of the line if a table may begin at `position`: only white space, colons and dropped templates precede it."""
    start = text.rfind("\n", max(0, position - 64), position) + 1
    if start == 0 and position > 64:
        return None
    return None if text[start:position].strip(_BEFORE_TABLE) else start


def _remove_spans(text: str, spans: list[tuple[int, int]]) -> str:
    out: list[str] = []
    last = 0
    for start, end in spans:
        out.append(text[last:start])
        last = end
    out.append(text[last:])
    return DROPPED.join(out)


def _drop_rows(text: str) -> str:
    """`text` without lines that begin like rows. If none does without leading colons, all such lines are text."""
    without = _ROW.sub("", f"\n{text}")[1:]
    is_row = len(without) < len(text) and ("\n|" in text or text[:1] == "|" or "{|" in text)
    return without if is_row else text
