"""First pass: what is no wikitext inside. Comments, and extension tags whose content MediaWiki hands to an extension unread.

A comment that stands alone on its line takes the line with it. Tags end at their first `>` (a quoted `>` is accepted where the
attributes are well formed); a tag that is never closed is literal, an unclosed comment runs to the end, as in MediaWiki.
"""

import html
import re

from spark_jobs.wikitext.page_state import BREAK, DROPPED, TAG_OPEN, PageState

_DROPPED_TAGS_NAMES = """
ask calendar categorytree ce charinsert chem chess display_map dynamicpagelist gallery googlemap graph hiero imagemap
includeonly indicator inputbox kml languages listing mapframe maplink math mp3 pagelist phonos quiz ref references rss
score script section slippymap style templatedata templatestyles timeline youtube
"""
DROPPED_TAGS = frozenset(_DROPPED_TAGS_NAMES.split())
"""Nothing of these is text. `<math>` can be kept as its LaTeX source."""
LITERAL_TAGS = frozenset(["nowiki", "pre", "syntaxhighlight", "source"])
"""A reader sees their content as it stands."""
EXTENSION_TAGS = DROPPED_TAGS | LITERAL_TAGS | {"poem"}
CODE_TAGS = frozenset(["syntaxhighlight", "source"])
MATH_TAGS = frozenset(["math", "chem", "ce"])
OPEN_ENDED = frozenset(["includeonly"])
"""Without an end tag these run to the end of the page."""

_BRACES = ("{", "}")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_WITHOUT_CONTROL = re.compile("[\x80-\ufffd -~\n\t\U00010000-\U0010ffff]*+")
"""Ranges, the frequent ones first: takes half the time of a search for what is in none of them."""
_START = re.compile(rf"<(?:!--|({'|'.join(sorted(EXTENSION_TAGS))})(?=[\s/>]))", re.IGNORECASE)
_ATTRIBUTES = re.compile(r"""(?:\s++[^\s<>"'=/]++(?:\s*+=\s*+(?:"[^"<\n]*+"|'[^'<\n]*+'|[^\s<>"']++))?+)*+\s*+/?>|[^<>]*+>""")
_END = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in EXTENSION_TAGS}
_BLANKS = re.compile(r"[ \t]*+")
_NOWIKI_TAG = re.compile(r"</?nowiki\s*/?>", re.IGNORECASE)
_INCLUSION_TAG = re.compile(r"</?(?:noinclude|onlyinclude)(?:[\s/][^<>]*+)?>", re.IGNORECASE)


def clean_source(wikitext: str) -> str:
    """The source with Unix line ends and without control characters."""
    if "\r" in wikitext:
        wikitext = wikitext.replace("\r\n", "\n").replace("\r", "\n")
    clean = _WITHOUT_CONTROL.match(wikitext)
    return wikitext if clean is not None and clean.end() == len(wikitext) else _CONTROL.sub("", wikitext)


def strip_comments_and_extensions(text: str, page: PageState, keep_math: bool = False) -> str:
    """`text` without comments and opaque tags; what a reader sees of them stands as strip marks."""
    if "<" not in text:
        return text
    text = _INCLUSION_TAG.sub("", text)
    out: list[str] = []
    position = 0
    never_closed: set[str] = set()
    while (start := _START.search(text, position)) is not None:
        name = start[1]
        if name is None:
            before, after = _comment_bounds(text, position, start.start())
            out.append(text[position:before])
            if text[before - 1 : before] in _BRACES and text[after : after + 1] == text[before - 1]:
                out.append(TAG_OPEN)  # braces pair while comments still stand between them
            position = after
            page.count("comments")
            continue
        name = name.lower()
        out.append(text[position : start.start()])
        attributes = _ATTRIBUTES.match(text, start.end())
        if attributes is None:
            out.append(start[0])
            position = start.end()
            continue
        position = attributes.end()
        if text[position - 2] == "/":
            page.count(f"tag_{name}")
            out.append(_visible_content(name, "", page, keep_math))
            continue
        end = None if name in never_closed else _END[name].search(text, position)
        if end is None and name not in OPEN_ENDED:
            never_closed.add(name)
            out.append(text[start.start() : position])
            continue
        content = text[position : end.start() if end else len(text)]
        position = end.end() if end else len(text)
        page.count(f"tag_{name}")
        out.append(_visible_content(name, content, page, keep_math))
    out.append(text[position:])
    return "".join(out)


def _comment_bounds(text: str, floor: int, start: int) -> tuple[int, int]:
    """Where the text before a comment ends and where the text after it begins; `floor` is where this pass has got to.

    Comments that have a line to themselves take it with them.
    """
    end = _comment_end(text, start)
    before = floor + len(text[floor:start].rstrip(" \t"))
    if before > 0 and text[before - 1] != "\n":
        return start, end
    after = _BLANKS.match(text, end).end()  # type: ignore[union-attr]  # nothing matches too
    while text.startswith("<!--", after):
        end = _comment_end(text, after)
        after = _BLANKS.match(text, end).end()  # type: ignore[union-attr]
    return (before, after + 1) if text.startswith("\n", after) else (start, end)


def _comment_end(text: str, start: int) -> int:
    end = text.find("-->", start + 4)
    return len(text) if end < 0 else end + 3


def _visible_content(name: str, content: str, page: PageState, keep_math: bool) -> str:
    """What stands in the text for an opaque tag with this content."""
    if name == "poem":
        return BREAK + strip_comments_and_extensions(content.strip("\n"), page, keep_math).replace("\n", BREAK) + BREAK
    if name in MATH_TAGS and keep_math and content:
        return page.protect(f"${' '.join(content.split())}$")
    if name not in LITERAL_TAGS:
        return "" if name in OPEN_ENDED else DROPPED
    if not content:
        return page.protect("")  # `[[bus]]<nowiki/>es`: nothing is seen, but it keeps apart what it stands between
    if name == "pre":
        content = _NOWIKI_TAG.sub("", content)
    if name != "nowiki":
        content = f"\n{content.strip(chr(10))}\n"
    return page.protect(html.unescape(content) if name not in CODE_TAGS else content)
