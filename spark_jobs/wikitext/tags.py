"""HTML tags that wikitext allows: gone, or a line break where they begin a block. Unknown tags are text, as in MediaWiki.

Ruby annotations lose their readings: `<ruby>東京<rt>とうきょう</rt></ruby>` is 東京.
"""

import re

from spark_jobs.wikitext.opaque import OPAQUE_TAGS
from spark_jobs.wikitext.page import BREAK

_BLOCK_NAMES = """
blockquote br caption center dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p section table tbody td tfoot th thead tr ul
"""
BLOCK = frozenset(_BLOCK_NAMES.split())
_INLINE_NAMES = """
abbr b bdi bdo big cite code data del dfn em font i ins kbd link mark meta nobr noinclude noscript onlyinclude q rb rbc
rp rt rtc ruby s samp small span strike strong sub sup time translate tt tvar u var wbr
"""
INLINE = frozenset(_INLINE_NAMES.split())


def _tags(names: frozenset[str]) -> str:
    return rf"</?(?:{'|'.join(sorted(names, key=len, reverse=True))})(?:[\s/][^<>]*+)?>"


_INLINE = re.compile(_tags((INLINE | OPAQUE_TAGS) - BLOCK), re.IGNORECASE)
_BLOCK = re.compile(_tags(BLOCK), re.IGNORECASE)
_READING = re.compile(r"<r[tp](?:\s[^<>]*+)?>[^<]*+(?:<(?!/?r(?:[tpb]|uby)\b)[^<]*+)*+(?:</r[tp]\s*>)?", re.IGNORECASE)


def drop_tags(text: str) -> str:
    """`text` without allowed tags; block tags leave BREAK."""
    if "<" not in text:
        return text
    if "<r" in text or "<R" in text:
        text = _READING.sub("", text)
    text = _INLINE.sub("", text)
    return _BLOCK.sub(BREAK, text) if "<" in text else text
