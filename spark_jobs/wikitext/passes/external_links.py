"""What stands inside a line: external links, behaviour switches, entities."""

import re
from collections.abc import Callable
from functools import lru_cache
from html.entities import html5

from spark_jobs.wikitext.page_state import TAG_CLOSE, TAG_OPEN

_ABSOLUTE = (
    r"bitcoin:|ftps?://|geo:|git://|gopher://|https?://|ircs?://|magnet:|mailto:|matrix:|mms://|news:|nntp://|redis://|sftp://"
    r"|sips?:|sms:|ssh://|svn://|tel:|telnet://|urn:|worldwind://|xmpp:"
)
PROTOCOLS = f"(?:{_ABSOLUTE}|//)"
"""Beginnings of an address. Source: MediaWiki's `$wgUrlProtocols`."""
_URL_CHARACTER = r"[^\s\[\]<>\"\x00-\x11\x13-\x20\x7f\ufffd]"
FREE_LINK = rf"\b(?:{_ABSOLUTE}){_URL_CHARACTER}*+(?<![,;.:!?])"
"""An address in the text. Its trailing punctuation is none of it."""
_EXTERNAL = re.compile(
    rf"\[{PROTOCOLS}(?:\[[0-9a-f:.]+\]|{_URL_CHARACTER}){_URL_CHARACTER}*+[^\S\n\x0b-\x1f]*+([^\]\n]*+)\]", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#0*([0-9]{1,7})|#[xX]0*([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}|רלמ|رلم));")
_NAMES = {**html5, "רלמ;": "\u200f", "رلم;": "\u200f"}
"""HTML's names, and MediaWiki's own two for the mark that text runs from right to left."""
_LIST_MARKS = frozenset(map(ord, "*#:;"))
_SWITCHES_NAMES = """
ARCHIVEDTALK DISAMBIG END EXPECTED_UNCONNECTED_PAGE EXPECTUNUSEDCATEGORY EXPECTUNUSEDTEMPLATE EXPECTWITHOUTSCANS
FORCETOC HIDDENCAT INDEX NEWSECTIONLINK NOCC NOCONTENTCONVERT NOEDITSECTION NOGALLERY NOGLOBAL NOINDEX NONEWSECTIONLINK
NOTALK NOTC NOTITLECONVERT NOTOC START STATICREDIRECT TOC
"""
SWITCHES = tuple(_SWITCHES_NAMES.split())
"""Behaviour switches that every wiki knows, between double underscores."""


@lru_cache(maxsize=512)
def _switch_pattern(own: tuple[str, ...]) -> re.Pattern[str]:
    words = sorted({re.escape(word) for word in own} | {f"__{word}__" for word in SWITCHES}, key=len, reverse=True)
    return re.compile("|".join(words), re.IGNORECASE)


def drop_switches(text: str, own: tuple[str, ...]) -> str:
    """`text` without behaviour switches, in English or the wiki's own words."""
    if ("_" in text and "__" in text) or ("＿" in text and "＿＿" in text):  # to look for one character is far faster
        return _switch_pattern(own).sub("", text)
    return text


def drop_external_links(text: str) -> str:
    """`[http://example.org label]` leaves its label between marks of tags; without a label it is a number in brackets.

    >>> drop_external_links("[http://a.org] [//b.org]")
    '[1] [2]'
    """
    if "[" not in text:
        return text
    number = 0

    def label(match: re.Match[str]) -> str:
        nonlocal number
        if match[1]:
            return f"{TAG_OPEN}{match[1]}{TAG_CLOSE}"
        number += 1
        return f"[{number}]"

    return "\n".join([_labelled(line, label) if "[" in line else line for line in text.split("\n")])


def _labelled(line: str, label: Callable[[re.Match[str]], str]) -> str:
    """Up to its last closing bracket, where every link that begins ends too: the search stays linear."""
    head, bracket, tail = line.rpartition("]")
    return _EXTERNAL.sub(label, head + bracket) + tail


def decode_entities(text: str) -> str:
    """Character references that end in a semicolon become characters; unknown ones stay."""
    return _ENTITY.sub(_decode, text) if "&" in text else text


def _decode(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        return _NAMES.get(f"{name};", match[0])
    return _character(int(decimal) if decimal else int(hexadecimal, 16)) or match[0]


def _character(code_point: int) -> str:
    """The character of a number; empty for those that MediaWiki leaves as they stand, which XML forbids."""
    if code_point in (0x09, 0x0A, 0x0D):
        return " "
    if code_point in _LIST_MARKS:
        return TAG_OPEN + chr(code_point)  # written so, it begins no list
    allowed = 0x20 <= code_point <= 0xD7FF or 0xE000 <= code_point <= 0xFFFD or 0x10000 <= code_point <= 0x10FFFF
    return chr(code_point) if allowed and code_point != 0x7F else ""
