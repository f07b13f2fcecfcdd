"""Gaps that dropped markup leaves: empty parentheses, doubled blanks, stray punctuation. Closed."""

import re

from spark_jobs.wikitext.page_state import (
    DROPPED,
    TAG_CLOSE,
    TAG_OPEN,
)

_GONE = f"{DROPPED}{TAG_OPEN}{TAG_CLOSE}"
"""Marks that show nothing."""
# Each pattern begins with the mark, which is rare and found fast, and checks the text before it afterwards.
# It consumes the run behind the mark even if its end does not match, so that no run is read twice.
_UP_TO_CLOSING = re.compile(rf"{DROPPED}[\s{_GONE},;:/、，；：]*+([)）]?)")
_GAP = re.compile(rf"{DROPPED}(?<= {DROPPED})[ {DROPPED}]*+([,.;:!?)\]、。，]?)")
_AFTER_OPENING = re.compile(rf"{DROPPED}(?<=[(（]{DROPPED})[ {DROPPED},;、，；]*+")
_WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_OPENING = ("(", "（")
_IN_PARENTHESES = f"{_WHITE_SPACE},;:/、，；：{TAG_OPEN}"
"""Characters allowed between an opening parenthesis and the first dropped markup."""


def close_gaps(text: str) -> str:
    """`text` without the punctuation that dropped templates leave: `Tokyo ({{x}}) is` becomes `Tokyo is`."""
    if DROPPED not in text:
        return text
    return _AFTER_OPENING.sub("", _join_gaps(_drop_empty_parentheses(text)))


def _drop_empty_parentheses(text: str) -> str:
    """`text` without parentheses that hold only punctuation and dropped markup."""
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
    """`text` with each run of blanks and gaps that begins with a blank as one blank, or as none before punctuation."""
    out: list[str] = []
    last = 0
    for gap in _GAP.finditer(text):
        after = gap.start(1)
        out.append(text[last : gap.start() - (gap.end() > after)])
        last = after
    out.append(text[last:])
    return "".join(out)
