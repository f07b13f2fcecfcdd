"""`[[File:…]]`: dropped with its caption and the links in it."""

import re

from spark_jobs.wikitext.page_state import (
    DROPPED,
    HEADING_CLOSE,
    HEADING_OPEN,
    PageState,
)
from spark_jobs.wikitext.passes.wiki_links.link_syntax import LinkSyntax, compile_link_syntax

_LINE_END = re.compile(rf"[\n{HEADING_CLOSE}]|\Z")


def drop_files(text: str, page: PageState) -> str:
    """`text` without `[[File:…]]` and its caption; an unclosed one is dropped up to the end of its line."""
    syntax = compile_link_syntax(page.profile)
    if syntax.file_start.search(text) is None:
        return text
    text, number = syntax.file.subn(DROPPED, text)
    page.count("files", number)
    first = syntax.file_start.search(text)
    return text if first is None else _drop_nested_files(text, first.start(), syntax, page)


def _drop_nested_files(text: str, start: int, syntax: LinkSyntax, page: PageState) -> str:
    """`text` without files whose captions hold files or paragraphs, found by a stack of brackets. The first begins at `start`."""
    stack: list[tuple[int, bool]] = []
    spans: list[tuple[int, int]] = []
    unclosed: list[int] = []
    for edge in syntax.edges.finditer(text, start):
        if edge[0] == HEADING_OPEN:
            unclosed += [begin for begin, is_file in stack if is_file]
            stack.clear()
        elif edge[0] != "]]":
            stack.append((edge.start(), edge[1] is not None))
        elif stack:
            begin, is_file = stack.pop()
            if is_file:
                spans.append((begin, edge.end()))
    unclosed += [begin for begin, is_file in stack if is_file]
    line_end = 0
    for begin in unclosed:
        if begin >= line_end:
            line_end = _LINE_END.search(text, begin).start()  # type: ignore[union-attr]  # also matches the end of the text
            spans.append((begin, line_end))
            page.count("unclosed_files")
    out: list[str] = []
    last = 0
    for begin, end in sorted(spans):
        if begin >= last:
            out.append(text[last:begin])
            page.count("files")
        last = max(last, end)
    out.append(text[last:])
    return DROPPED.join(out)
