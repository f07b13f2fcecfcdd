"""A wiki's published configuration as plain values: from the head of its dump, or from `siteinfo-namespaces` beside the dump.

Both are read into a `SiteInfo`. `WikiProfile.with_siteinfo` takes either: first the head, then the file, which holds more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

CaseRule = Literal["first-letter", "case-sensitive"]


@dataclass(frozen=True)
class Namespace:
    """One namespace: its number, the case rule of its titles, and its local name (empty for articles)."""

    number: int
    case: str
    name: str
    canonical: str = ""
    """The English name, which every wiki understands; empty where it is not given."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class MagicWords:
    """The words of wikitext in a wiki's language, by their effect. Made by `classify_magic_words`."""

    redirect: tuple[str, ...]
    """First words of a redirect, with the number sign: `#転送`."""
    switches: tuple[str, ...]
    """Behaviour switches, underscores included: `__目次__`."""
    settings: frozenset[str]
    """Words that set a property of the page: `デフォルトソート`."""
    functions: Mapping[str, str]
    """Parser functions that leave text (lower case, with underscores, without colon) -> English name: `{"минус": "lc"}`."""
    variables: frozenset[str]
    """Words in braces that name a variable instead of a template."""


@dataclass(frozen=True)
class SiteInfo:
    """A wiki's published configuration; values that it does not give are empty or None.

    `wiki` is the database name (`jawiki`; empty for old dumps without one), `language` is `xml:lang` of the root element or the
    content language, `base` is the address of the main page, `case` is the wiki's case rule.
    """

    wiki: str
    language: str | None
    base: str
    case: str
    namespaces: tuple[Namespace, ...]
    words: MagicWords | None = None
    link_trail: str | None = None
    """Regular expression of the letters after a link that join it; empty where none do, None where it is not given."""
    link_prefix: str | None = None
    """Character class of the letters before a link that join it; empty where none do, None where it is not given."""


SETTINGS = ("defaultsort", "displaytitle")
FUNCTIONS = ("lc", "uc", "lcfirst", "ucfirst", "formatnum")
VARIABLE_PARTS = ("pagename", "pagenamee", "namespace", "namespacee", "space", "spacee")
"""Endings of the names of magic words that show a title or a namespace: `fullpagename`, `talkspacee`, …"""
_LOCAL = tuple(f"local{unit}" for unit in ("year", "month", "week", "day", "dow", "hour", "time"))
VARIABLE_BEGINNINGS = ("current", *_LOCAL, "numberof", "revision", "site", "server")
_UNDERSCORES = ("__", "＿＿")


def classify_magic_words(words: Mapping[str, Iterable[str]]) -> MagicWords:
    """Group magic words, given as MediaWiki's name (`notoc`) -> all spellings, by their effect.

    >>> classify_magic_words({"redirect": ["#転送"], "toc": ["__目次__"], "lc": ["LC:", "минус:"]}).functions
    {'lc': 'lc', 'минус': 'lc'}

    All other names are left out: image options, parser functions that leave no text.
    """
    return MagicWords(
        redirect=tuple(dict.fromkeys([*words.get("redirect", ()), "#REDIRECT"])),
        switches=tuple(dict.fromkeys(word for spellings in words.values() for word in spellings if _is_switch(word))),
        settings=frozenset(word.rstrip(":：") for name in SETTINGS for word in words.get(name, ())),
        functions={word.rstrip(":：").replace(" ", "_").lower(): name for name in FUNCTIONS for word in words.get(name, ())},
        variables=frozenset(word for name, spellings in words.items() if _is_variable(name) for word in spellings),
    )


def _is_switch(word: str) -> bool:
    return len(word) > 4 and word.startswith(_UNDERSCORES) and word.endswith(_UNDERSCORES)


def _is_variable(name: str) -> bool:
    return name.endswith(VARIABLE_PARTS) or name.startswith(VARIABLE_BEGINNINGS)
