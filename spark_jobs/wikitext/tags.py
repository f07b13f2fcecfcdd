"""HTML tags that wikitext allows: gone, or a line break where they begin a block. Unknown tags are text, as in MediaWiki.

A tag ends at its first `>`; attributes are not looked at. Ruby annotations lose their readings:
`<ruby>東京<rt>とうきょう</rt></ruby>` is 東京. Source: MediaWiki's "Help:HTML in wikitext".
"""

import re

from spark_jobs.wikitext.opaque import OPAQUE_TAGS
from spark_jobs.wikitext.page import BREAK, TAG_CLOSE, TAG_OPEN

_BLOCK_NAMES = """
blockquote br caption center dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p section table tbody td tfoot th thead tr ul
"""
BLOCK = frozenset(_BLOCK_NAMES.split())
_INLINE_NAMES = """
abbr b bdi bdo big cite code data del dfn em font i ins kbd mark pre q rb rbc rp rt rtc ruby s samp small span strike strong sub
sup time translate tt tvar u var wbr
"""
INLINE = frozenset(_INLINE_NAMES.split())
SHOWN_WHEN_BROKEN = frozenset(["includeonly", "nowiki", "poem", "source", "syntaxhighlight"])
"""Extension tags without their other half that stay in the text. Those of the others are slips of editors, and go."""


def _names(names: frozenset[str]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_GOING = (INLINE | OPAQUE_TAGS) - SHOWN_WHEN_BROKEN
_START = re.compile(rf"<(?:(?:{_names(_GOING)})(?:[\s/][^<>]*+)?|(?:meta|link)\s[^<>]*?itemprop[^<>]*+)>", re.IGNORECASE)
_END = re.compile(rf"</(?:{_names(_GOING)})(?:[\s/][^<>]*+)?>", re.IGNORECASE)
_BLOCK = re.compile(rf"</?(?:{_names(BLOCK)})(?:[\s/][^<>]*+)?>", re.IGNORECASE)
_READING = re.compile(r"<r[tp](?:\s[^<>]*+)?>[^<]*+(?:<(?!/?r(?:[tpb]|uby)\b)[^<]*+)*+(?:</r[tp]\s*>)?", re.IGNORECASE)


def drop_tags(text: str) -> str:
    """`text` with BREAK for each tag that begins or ends a block, TAG_OPEN and TAG_CLOSE for the other allowed tags."""
    if "<" not in text:
        return text
    if "<r" in text or "<R" in text:
        text = _READING.sub("", text)
    text = _START.sub(TAG_OPEN, text)
    if "</" in text:
        text = _END.sub(TAG_CLOSE, text)
    return _BLOCK.sub(BREAK, text) if "<" in text else text
