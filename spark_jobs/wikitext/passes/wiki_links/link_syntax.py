"""The link syntax of one wiki as compiled patterns."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from spark_jobs.wikis.wiki_profile import NAMESPACE_FILE, WikiProfile
from spark_jobs.wikitext.page_state import (
    BREAK,
    HEADING_OPEN,
    LINK_OPEN,
)
from spark_jobs.wikitext.passes.wiki_links.link_targets import ResolvedTarget
from spark_jobs.wikitext.title_normalisation import ORDINARY_TITLE, CapitalLetters

# A heading ends an open link, so that an unclosed link does not swallow the sections after it. Links do not nest.
_PLAIN = rf"[^\[\]{LINK_OPEN}{HEADING_OPEN}]"
_INSIDE = rf"{_PLAIN}*+(?:(?:\[(?!\[)|\](?!\])){_PLAIN}*+)*+"
_LABEL = rf"(?:[^\[{LINK_OPEN}{HEADING_OPEN}]|\[(?!\[)){_INSIDE}"
_IN_CAPTION = rf"[^\[\]\n{HEADING_OPEN}]"
_CAPTION = rf"{_IN_CAPTION}*+(?:(?:\[\[{_INSIDE}\]\]|\[(?!\[)|\](?!\])|\n(?!\s*\n)){_IN_CAPTION}*+)*+\]\]"
_TARGET = r"[^\[\]{}|<>\n\x00-\x0d\x0f-\x11\x13-\x1f\x7f]++"
_SHOWN = rf"[^'\[\]\n{BREAK}{HEADING_OPEN}]++"
_ORDINARY = rf"\[\[(?<!\[\[\[)({ORDINARY_TITLE})(?:\|((?! ){_SHOWN}(?:'(?!'){_SHOWN})*+))?\]\]"
"""Nearly all links: the title of an article as it is stored, and a label that is shown unchanged. The brackets of a match are
exactly two in a row on each side, so the text around it cannot change its meaning."""


@dataclass(slots=True)
class LinkSyntax:
    """Compiled patterns of one wiki, and a cache of resolved targets."""

    file_start: re.Pattern[str]
    file: re.Pattern[str]
    edges: re.Pattern[str]
    ordinary: re.Pattern[str]
    link: re.Pattern[str]
    prefix: re.Pattern[str] | None
    capitals: CapitalLetters
    resolved: dict[str, ResolvedTarget] = field(default_factory=dict)


@lru_cache(maxsize=64)
def compile_link_syntax(profile: WikiProfile) -> LinkSyntax:
    """The link syntax of a wiki, compiled once per process.

    MediaWiki reads no link after three opening brackets; if only two close, we read a bracket and a link.
    """
    names = [_name_pattern(name) for name, number in profile.namespaces.items() if number == NAMESPACE_FILE]
    # The character class is for speed: it rules out nearly all links before any name is compared.
    first = "".join(sorted({re.escape(name[0]) for name, number in profile.namespaces.items() if number == NAMESPACE_FILE}))
    start = rf"\[\[[ _]*+(?=[{first}])(?:{'|'.join(sorted(names, key=len, reverse=True))})[ _]*:"
    trail = f"({profile.link_trail})"
    prefix = rf"(?<![{profile.link_prefix}])([{profile.link_prefix}]++){LINK_OPEN}" if profile.link_prefix else None
    # Of four opening brackets in a row, the last two open a link.
    link = rf"\[(?<!\[\[)(\[*)\[({_TARGET})(?:\|({_LABEL})\]\](\]?)|\]\]){trail}"
    return LinkSyntax(
        file_start=re.compile(start, re.IGNORECASE),
        file=re.compile(start + _CAPTION, re.IGNORECASE),
        edges=re.compile(rf"({start})|\[\[|\]\]|{HEADING_OPEN}", re.IGNORECASE),
        ordinary=re.compile(_ORDINARY + trail),
        link=re.compile(link),
        prefix=re.compile(prefix) if prefix else None,
        capitals=CapitalLetters(profile),
    )


def _name_pattern(name: str) -> str:
    """Pattern of a namespace name, case ignored. `re` treats the Turkish İ as an i; MediaWiki does not."""
    return re.escape(name).replace(r"\ ", "[ _]+").replace("i", "(?-i:[iI])")
