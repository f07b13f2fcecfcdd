"""Character references such as `&amp;` and `&#65;`: decoded."""

import re
from html.entities import html5

from spark_jobs.wikitext.page_state import TAG_OPEN

_ENTITY = re.compile(r"&(?:#0*([0-9]{1,7})|#[xX]0*([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}|רלמ|رلم));")
_NAMES = {**html5, "רלמ;": "\u200f", "رلم;": "\u200f"}
"""The names of HTML, and two of MediaWiki for the right-to-left mark."""
_LIST_MARKS = frozenset(map(ord, "*#:;"))


def decode_character_references(text: str) -> str:
    """`text` with character references decoded if they end in a semicolon; unknown ones stay."""
    return _ENTITY.sub(_decode, text) if "&" in text else text


def _decode(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        return _NAMES.get(f"{name};", match[0])
    return _allowed_character(int(decimal) if decimal else int(hexadecimal, 16)) or match[0]


def _allowed_character(code_point: int) -> str:
    """The character of a code point; empty for those that XML forbids, whose references MediaWiki leaves as text."""
    if code_point in (0x09, 0x0A, 0x0D):
        return " "
    if code_point in _LIST_MARKS:
        return TAG_OPEN + chr(code_point)  # a list mark written as a reference does not begin a list
    allowed = 0x20 <= code_point <= 0xD7FF or 0xE000 <= code_point <= 0xFFFD or 0x10000 <= code_point <= 0x10FFFF
    return chr(code_point) if allowed and code_point != 0x7F else ""
