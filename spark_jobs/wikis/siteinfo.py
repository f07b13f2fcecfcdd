"""What a wiki says of itself, as plain values: the head of its dump, and the file `siteinfo-namespaces` beside the dump.

Both become a `SiteInfo`, and `WikiProfile.with_siteinfo` takes either: first the head, then the file, which knows more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

CaseRule = Literal["first-letter", "case-sensitive"]


@dataclass(frozen=True)
class Namespace:
    """One namespace: its number, the case rule of its titles, and its names, the wiki's own first (empty for articles)."""

    number: int
    case: str
    name: str
    canonical: str = ""
    """The English name, which every wiki understands; empty where it is not said."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class MagicWords:
    """The words of wikitext in a wiki's own language, sorted by what they do. Made by `sort_words`."""

    redirect: tuple[str, ...]
    """First words of a redirect, with their sign: `#転送`."""
    switches: tuple[str, ...]
    """Behaviour switches, underscores included: `__目次__`."""
    settings: frozenset[str]
    """Words that set something of the page: `デフォルトソート`."""
    functions: Mapping[str, str]
    """Parser functions that leave text, lower case, with underscores, without colon -> English name: `{"минус": "lc"}`."""
    variables: frozenset[str]
    """Words in braces that are no template."""


@dataclass(frozen=True)
class SiteInfo:
    """What a wiki says of itself; what it does not say is empty or None.

    `wiki` is the database name (`jawiki`; empty where an old dump has none), `language` is `xml:lang` of the root element or the
    content language, `base` is the address of the main page, `case` is the wiki's case rule.
    """

    wiki: str
    language: str | None
    base: str
    case: str
    namespaces: tuple[Namespace, ...]
    words: MagicWords | None = None
    link_trail: str | None = None
    """Regular expression of the letters that join a link; empty where none do, None where it is not said."""
    link_prefix: str | None = None
    """Character class of the letters before a link that join it; empty where none do, None where it is not said."""


SETTINGS = ("defaultsort", "displaytitle")
FUNCTIONS = ("lc", "uc", "lcfirst", "ucfirst", "formatnum")
VARIABLE_PARTS = ("pagename", "pagenamee", "namespace", "namespacee", "space", "spacee")
"""Ends of the names of magic words that show a title or a namespace: `fullpagename`, `talkspacee`, …"""
_LOCAL = tuple(f"local{unit}" for unit in ("year", "month", "week", "day", "dow", "hour", "time"))
VARIABLE_BEGINNINGS = ("current", *_LOCAL, "numberof", "revision", "site", "server")
_UNDERSCORES = ("__", "＿＿")


def sort_words(words: Mapping[str, Iterable[str]]) -> MagicWords:
    """Magic words, by MediaWiki's name for them (`notoc`) with all their spellings, sorted by what they do.

    >>> sort_words({"redirect": ["#転送"], "toc": ["__目次__"], "lc": ["LC:", "минус:"]}).functions
    {'lc': 'lc', 'минус': 'lc'}

    A name that no rule mentions is left out: image options, parser functions that leave no text.
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
