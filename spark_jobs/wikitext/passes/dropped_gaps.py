"""Blanks and punctuation around templates and tags that left nothing: closed up."""

import re

from spark_jobs.wikitext.page_state import (
    DROPPED,
    TAG_CLOSE,
    TAG_OPEN,
)

_GONE = f"{DROPPED}{TAG_OPEN}{TAG_CLOSE}"
"""Marks that show nothing."""
# Each of these begins with the mark, which is rare, and looks at what stands before it afterwards: searching for it is fast.
# What follows is taken whether or not it ends as hoped, so that a long run is read once.
_UP_TO_CLOSING = re.compile(rf"{DROPPED}[\s{_GONE},;:/、，；：]*+([)）]?)")
_GAP = re.compile(rf"{DROPPED}(?<= {DROPPED})[ {DROPPED}]*+([,.;:!?)\]、。，]?)")
_AFTER_OPENING = re.compile(rf"{DROPPED}(?<=[(（]{DROPPED})[ {DROPPED},;、，；]*+")
_WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_OPENING = ("(", "（")
_IN_PARENTHESES = f"{_WHITE_SPACE},;:/、，；：{TAG_OPEN}"
"""What may stand between an opening parenthesis and the first thing that is gone."""


def close_gaps(text: str) -> str:
    """Punctuation that dropped templates leave behind: `Tokyo ({{x}}) is` becomes `Tokyo is`."""
    if DROPPED not in text:
        return text
    return _AFTER_OPENING.sub("", _join_gaps(_drop_empty_parentheses(text)))


def _drop_empty_parentheses(text: str) -> str:
    """Parentheses with nothing but punctuation around something that is gone are gone with it."""
    out: list[str] = []
    last = 0
    for closed in _UP_TO_CLOSING.finditer(text):
        if not closed[1]:
            continue
        before = text[last : closed.start()].rstrip(_IN_PARENTHESES)
        if before[-1:] in _OPENING:
            out += (before[:-1], DROPPED)
        else:
            out.append(text[last : closed.end()])
        last = closed.end()
    out.append(text[last:])
    return "".join(out)


def _join_gaps(text: str) -> str:
    """A run of blanks and gaps that begins with a blank is one blank; before a full stop and its kin it is nothing."""
    out: list[str] = []
    last = 0
    for gap in _GAP.finditer(text):
        after = gap.start(1)
        out.append(text[last : gap.start() - (gap.end() > after)])
        last = after
    out.append(text[last:])
    return "".join(out)
