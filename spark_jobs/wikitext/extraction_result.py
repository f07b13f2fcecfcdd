"""What an extraction gives: plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

LinkKind = Literal["internal", "interwiki", "template"]


class WikitextError(ValueError):
    """The page would take more work than the budget allows; `reason` says what was exceeded, the same on every machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __reduce__(self) -> tuple[type["WikitextError"], tuple[str]]:
        return WikitextError, (self.reason,)


class Link(NamedTuple):
    """A link as a reader sees it: `text[start:end]` is its surface. Offsets are code points, end-exclusive."""

    start: int
    end: int
    kind: LinkKind
    wiki: str | None
    """Id of another wiki, None for this one."""
    target: str
    """Normalised title; empty for a link inside the page (`[[#x]]`) and to another wiki's main page (`[[:de:|German]]`)."""
    fragment: str | None
    names: Mapping[str, str]
    """Language code -> title, where the markup itself names the page in another language."""


class Section(NamedTuple):
    """A heading (level 1 to 6) and the span of what stands under it, subsections included, as in MediaWiki."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Extraction:
    """A page as text, with its links and sections in order, the templates it uses and counts of what was met."""

    text: str
    links: tuple[Link, ...]
    sections: tuple[Section, ...]
    templates: tuple[str, ...]
    """Normalised names, without namespace, in order of first use; dropped ones included."""
    counters: Mapping[str, int]
