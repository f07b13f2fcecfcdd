"""The result of `extract`: text, links and sections as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

LinkKind = Literal["internal", "interwiki", "template"]


class WikitextError(ValueError):
    """The page needs more work than the budget allows. `reason` names the limit, with the same words on every machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __reduce__(self) -> tuple[type["WikitextError"], tuple[str]]:
        return WikitextError, (self.reason,)


class Link(NamedTuple):
    """A link as readers see it: `text[start:end]` is its surface. Offsets count code points, end-exclusive."""

    start: int
    end: int
    kind: LinkKind
    wiki: str | None
    """Id of another wiki; None for this wiki."""
    target: str
    """Normalised title; empty for a link inside the page (`[[#x]]`) or to the main page of another wiki (`[[:de:|German]]`)."""
    fragment: str | None
    names: Mapping[str, str]
    """Language code -> title, if the markup itself names the page in another language."""


class Section(NamedTuple):
    """A heading (level 1 to 6) and the span of the text below it, subsections included, as in MediaWiki."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Extraction:
    """A page as text, with its links and sections in order, the templates it uses, and counters of its markup."""

    text: str
    links: tuple[Link, ...]
    sections: tuple[Section, ...]
    templates: tuple[str, ...]
    """Normalised names without namespace, in order of first use, dropped templates included."""
    counters: Mapping[str, int]
