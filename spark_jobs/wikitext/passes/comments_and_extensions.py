"""First pass: comments, and extension tags such as `<ref>` or `<nowiki>`, whose content MediaWiki does not read as wikitext.

A comment alone on its line is removed with the line. A tag ends at its first `>` (or after a quoted `>` if its attributes are
well formed). As in MediaWiki, an unclosed tag is literal, and an unclosed comment runs to the end of the page.
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
"""Tags that leave no text. Formulas can be kept as LaTeX source."""
LITERAL_TAGS = frozenset(["nowiki", "pre", "syntaxhighlight", "source"])
"""Tags whose content is shown without being read as wikitext."""
EXTENSION_TAGS = DROPPED_TAGS | LITERAL_TAGS | {"poem"}
CODE_TAGS = frozenset(["syntaxhighlight", "source"])
MATH_TAGS = frozenset(["math", "chem", "ce"])
OPEN_ENDED = frozenset(["includeonly"])
"""Tags that run to the end of the page if they have no end tag."""

_BRACES = ("{", "}")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_WITHOUT_CONTROL = re.compile("[\x80-\ufffd -~\n\t\U00010000-\U0010ffff]*+")
"""Allowed ranges, frequent ones first: takes half the time of a search for a character outside them."""
_START = re.compile(rf"<(?:!--|({'|'.join(sorted(EXTENSION_TAGS))})(?=[\s/>]))", re.IGNORECASE)
_ATTRIBUTES = re.compile(r"""(?:\s++[^\s<>"'=/]++(?:\s*+=\s*+(?:"[^"<\n]*+"|'[^'<\n]*+'|[^\s<>"']++))?+)*+\s*+/?>|[^<>]*+>""")
_END = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in EXTENSION_TAGS}
_BLANKS = re.compile(r"[ \t]*+")
_NOWIKI_TAG = re.compile(r"</?nowiki\s*/?>", re.IGNORECASE)
_INCLUSION_TAG = re.compile(r"</?(?:noinclude|onlyinclude)(?:[\s/][^<>]*+)?>", re.IGNORECASE)


def clean_source(wikitext: str) -> str:
    """The source with Unix line ends, without control characters."""
    if "\r" in wikitext:
        wikitext = wikitext.replace("\r\n", "\n").replace("\r", "\n")
    clean = _WITHOUT_CONTROL.match(wikitext)
    return wikitext if clean is not None and clean.end() == len(wikitext) else _CONTROL.sub("", wikitext)


def strip_comments_and_extensions(text: str, page: PageState, keep_math: bool = False) -> str:
    """`text` without comments and extension tags; the content that readers see is protected from later passes."""
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
                out.append(TAG_OPEN)  # MediaWiki pairs braces before it removes comments
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
    """End of the text before a comment and start of the text after it; text before `floor` is already written.

    Comments alone on a line are removed with the line.
    """
    end = _comment_end(text, start)
    before = floor + len(text[floor:start].rstrip(" \t"))
    if before > 0 and text[before - 1] != "\n":
        return start, end
    after = _BLANKS.match(text, end).end()  # type: ignore[union-attr]  # matches the empty string too
    while text.startswith("<!--", after):
        end = _comment_end(text, after)
        after = _BLANKS.match(text, end).end()  # type: ignore[union-attr]
    return (before, after + 1) if text.startswith("\n", after) else (start, end)


def _comment_end(text: str, start: int) -> int:
    end = text.find("-->", start + 4)
    return len(text) if end < 0 else end + 3


def _visible_content(name: str, content: str, page: PageState, keep_math: bool) -> str:
    """The text that replaces an extension tag with this content."""
    if name == "poem":
        return BREAK + strip_comments_and_extensions(content.strip("\n"), page, keep_math).replace("\n", BREAK) + BREAK
    if name in MATH_TAGS and keep_math and content:
        return page.protect(f"${' '.join(content.split())}$")
    if name not in LITERAL_TAGS:
        return "" if name in OPEN_ENDED else DROPPED
    if not content:
        return page.protect("")  # `[[bus]]<nowiki/>es`: shows nothing, but separates the link from the letters
    if name == "pre":
        content = _NOWIKI_TAG.sub("", content)
    if name != "nowiki":
        content = f"\n{content.strip(chr(10))}\n"
    return page.protect(html.unescape(content) if name not in CODE_TAGS else content)
