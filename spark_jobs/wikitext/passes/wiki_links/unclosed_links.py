"""`[[` without `]]` in its paragraph: dropped."""

import re

from spark_jobs.wikitext.page_state import (
    PageState,
)
from spark_jobs.wikitext.passes.external_links import PROTOCOLS

_BRACKETS = re.compile(rf"(\[\[(?!{PROTOCOLS})|\]\]|\n[ \t]*\n)", re.IGNORECASE)


def drop_unclosed_links(text: str, page: PageState) -> str:
    """`text` without each `[[` that no `]]` of its paragraph closes. They are slips of editors; MediaWiki shows them.

    Pairs that are not links stay: `[[a{b]]`.
    """
    parts = _BRACKETS.split(text)
    waiting: list[int] = []
    unclosed: list[int] = []
    for index in range(1, len(parts), 2):
        if parts[index] == "[[":
            waiting.append(index)
        elif parts[index] != "]]":
            unclosed += waiting
            waiting.clear()
        elif waiting:
            waiting.pop()
    unclosed += waiting
    if not unclosed:
        return text
    page.count("links_unclosed", len(unclosed))
    for index in unclosed:
        parts[index] = ""
    return "".join(parts)
