"""What a dump says of its own wiki: the `<siteinfo>` element at its head, as plain values."""

from dataclasses import dataclass
from typing import Literal

CaseRule = Literal["first-letter", "case-sensitive"]


@dataclass(frozen=True)
class Namespace:
    """One `<namespace>`: its number, the case rule of its titles, and its name in the wiki's language (empty for articles)."""

    number: int
    case: str
    name: str


@dataclass(frozen=True)
class SiteInfo:
    """The head of a dump.

    `wiki` is `<dbname>` (`jawiki`; empty where an old dump has none), `language` is `xml:lang` of the root element, `base` is the
    address of the main page, `case` is the wiki's case rule.
    """

    wiki: str
    language: str | None
    base: str
    case: str
    namespaces: tuple[Namespace, ...]
