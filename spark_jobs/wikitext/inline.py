"""What stands inside a line: quotes, external links, behaviour switches, entities."""

import html
import re
from functools import lru_cache

_QUOTES = re.compile(r"('{2,})")
_ADDRESS = (
    r"(?:(?:(?:https?|ftps?|ircs?|sftp|git|svn|ssh|telnet|gopher|nntp|worldwind|mms):)?//"
    r"|(?:mailto|news|tel|sip|sips|sms|geo|magnet|urn|xmpp|bitcoin):)"
)
_EXTERNAL = re.compile(
    rf"\[{_ADDRESS}[^\s\[\]<>\"\x00-\x20\x7f]++[ \t\u3000]*+([^\[\]\n]*+(?:\[(?!{_ADDRESS})[^\[\]\n]*+)*+)\]", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
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
    return _switch_pattern(own).sub("", text) if "__" in text or "＿＿" in text else text


def drop_quotes(text: str) -> str:
    """`text` without the apostrophes that mean bold and italics, line by line."""
    if "''" not in text:
        return text
    return "\n".join([_line_without_quotes(line) if "''" in line else line for line in text.split("\n")])


def _line_without_quotes(line: str) -> str:
    """MediaWiki's rule: four are one apostrophe and bold; beyond five the rest are apostrophes; where bold and italics are both
    left open, one bold is an apostrophe and italics: the first after a one-letter word, else after a longer one, else after a
    space.
    """
    parts = _QUOTES.split(line)
    bold = italic = 0
    for index in range(1, len(parts), 2):
        length = len(parts[index])
        literal = 1 if length == 4 else max(0, length - 5)
        marks = length - literal
        parts[index - 1] += "'" * literal
        parts[index] = "'" * marks
        bold += marks in (3, 5)
        italic += marks in (2, 5)
    if bold % 2 and italic % 2:
        chosen = _bold_to_break(parts)
        if chosen:
            parts[chosen - 1] += "'"
    return "".join(parts[::2])


def _bold_to_break(parts: list[str]) -> int:
    """Index of the bold mark that is an apostrophe and italics; 0 if none is."""
    after_space = after_word = 0
    for index in range(1, len(parts), 2):
        if len(parts[index]) != 3:
            continue
        before = parts[index - 1]
        if before[-1:] == " ":
            after_space = after_space or index
        elif before[-2:-1] == " ":
            return index
        else:
            after_word = after_word or index
    return after_word or after_space


def drop_external_links(text: str) -> str:
    """`[http://example.org label]` leaves its label; without a label, nothing."""
    return _EXTERNAL.sub(r"\1", text) if "[" in text else text


def decode_entities(text: str) -> str:
    """Character references that end in a semicolon become characters; unknown ones stay."""
    return _ENTITY.sub(_decode, text) if "&" in text else text


def _decode(match: re.Match[str]) -> str:
    return _character(match[0])


@lru_cache(maxsize=4096)
def _character(reference: str) -> str:
    character = html.unescape(reference)
    if reference[1] != "#" and character.endswith(";") and len(character) > 1:
        return reference  # html.unescape also takes a known prefix of an unknown name; MediaWiki does not.
    return " " if character in "\t\n\x0c\r" and character else character
