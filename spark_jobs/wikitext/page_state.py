"""The state of one page on its way to text, and the control characters that travel in the text from pass to pass.

No pass keeps offsets. A pass takes the whole text and gives it back with something resolved; what must be remembered stands in
the text as control characters, which no XML document can contain and which the first pass removes from the source. Only the last
pass, `finish`, counts characters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from spark_jobs.wikis.wiki_profile import WikiProfile
from spark_jobs.wikitext.extraction_options import Budget
from spark_jobs.wikitext.extraction_result import LinkKind, WikitextError

LINK_OPEN, LINK_CLOSE = "\x02", "\x03"
HEADING_OPEN, HEADING_CLOSE = "\x05", "\x06"
PROTECTED_OPEN, PROTECTED_CLOSE = "\x1a", "\x1b"
"""Around the number of a piece of `PageState.protected`: text that no pass may read as markup."""
BREAK = "\x0b"
"""A line break that is no end of a source line: `<br>`, an edge of a block element."""
TEMPLATE_LINK = "\x0e"
"""Before the number of an entry of `PageState.template_links`, where a link's target would stand."""
NO_TRAIL = "\x0f"
"""After a link that takes no trail."""
PIPE, EQUALS = "\x10", "\x11"
"""A pipe and an equals sign that a template left, which separate nothing."""
DROPPED = "\x12"
"""The place of a template that left nothing."""
TAG_OPEN, TAG_CLOSE = "\x13", "\x14"
"""The places of an inline start tag and of an end tag: they part what stands on both sides, and show nothing."""


class LinkTarget(NamedTuple):
    """All of a link but its span."""

    kind: LinkKind
    wiki: str | None
    target: str
    fragment: str | None
    names: Mapping[str, str]


TargetFields = tuple[LinkKind, str | None, str, str | None, Mapping[str, str]]
"""The fields of a `LinkTarget`. A plain tuple costs a third of the time, and there is one for every link."""


@dataclass(slots=True)
class PageState:
    """What the passes collect; one per call of `extract`."""

    profile: WikiProfile
    budget: Budget
    protected: list[str] = field(default_factory=list)
    links: list[TargetFields] = field(default_factory=list)
    """In the order of LINK_OPEN marks."""
    heading_levels: list[int] = field(default_factory=list)
    """In the order of HEADING_OPEN marks."""
    template_links: list[LinkTarget] = field(default_factory=list)
    templates: dict[str, int] = field(default_factory=dict)
    """Name -> where in the page its first use begins."""
    counters: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1) -> None:
        """Adds to a counter."""
        if number:
            self.counters[name] = self.counters.get(name, 0) + number

    def protect(self, text: str) -> str:
        """Puts `text` out of reach of all passes; returns the mark that stands for it."""
        self.protected.append(text)
        return f"{PROTECTED_OPEN}{len(self.protected) - 1}{PROTECTED_CLOSE}"

    def check_budget(self, amount: int, limit: int, what: str) -> None:
        """Raises WikitextError if `amount` is over `limit`."""
        if amount > limit:
            raise WikitextError(f"{what}: {amount:,} are more than the budget of {limit:,}")
