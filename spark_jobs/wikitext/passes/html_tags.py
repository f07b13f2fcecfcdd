"""HTML tags that wikitext allows: dropped; block elements become line breaks. Unknown tags stay as text, as in MediaWiki.

A tag ends at its first `>`; attributes are ignored. Ruby annotations lose their readings:
`<ruby>東京<rt>とうきょう</rt></ruby>` is 東京. Source: MediaWiki's "Help:HTML in wikitext".
"""

import re

from spark_jobs.wikitext.page_state import BREAK, TAG_CLOSE, TAG_OPEN
from spark_jobs.wikitext.passes.comments_and_extensions import EXTENSION_TAGS

_BLOCK_NAMES = """
blockquote br caption center dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p section table tbody td tfoot th thead tr ul
"""
BLOCK_TAGS = frozenset(_BLOCK_NAMES.split())
_INLINE_NAMES = """
abbr b bdi bdo big cite code data del dfn em font i ins kbd mark pre q rb rbc rp rt rtc ruby s samp small span strike strong sub
sup time translate tt tvar u var wbr
"""
INLINE_TAGS = frozenset(_INLINE_NAMES.split())
SHOWN_WHEN_BROKEN = frozenset(["includeonly", "nowiki", "poem", "source", "syntaxhighlight"])
"""Extension tags that stay in the text if their start or end tag is missing. Other broken tags are slips of editors; dropped."""

_REMOVED = (BLOCK_TAGS | INLINE_TAGS | EXTENSION_TAGS) - SHOWN_WHEN_BROKEN
_TAG = re.compile(rf"<(?=[/a-z])(/?)({'|'.join(sorted(_REMOVED, key=len, reverse=True))})(?:[\s/][^<>]*+)?>", re.IGNORECASE)
_METADATA = re.compile(r"<(?:meta|link)\s[^<>]*?itemprop[^<>]*+>", re.IGNORECASE)
_READING = re.compile(r"<r[tp](?:\s[^<>]*+)?>[^<]*+(?:<(?!/?r(?:[tpb]|uby)\b)[^<]*+)*+(?:</r[tp]\s*>)?", re.IGNORECASE)


def drop_tags(text: str) -> str:
    """`text` with TAG_OPEN and TAG_CLOSE in place of allowed tags, after a BREAK where a block begins or ends."""
    if "<" not in text:
        return text
    text = _TAG.sub(_mark_of_tag, _READING.sub("", text))
    return _METADATA.sub(TAG_OPEN, text) if "itemprop" in text else text


def _mark_of_tag(tag: re.Match[str]) -> str:
    mark = TAG_CLOSE if tag[1] else TAG_OPEN
    if tag[2].lower() not in BLOCK_TAGS:
        return mark
    return BREAK if tag[0][-2] == "/" else BREAK + mark
