"""The state that the passes share: control characters in the text ("marks") and the lists that they point into.

No pass keeps offsets. A pass takes the whole text and returns it with one construct resolved. What later passes need is marked in
the text by control characters: XML cannot contain them, and the first pass removes them from the source. Only the last pass,
`span_offsets`, counts characters.
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
"""Around an index into `PageState.protected`: text that no pass may read as markup."""
BREAK = "\x0b"
"""A line break that is not a line end of the source: `<br>`, an edge of a block element."""
TEMPLATE_LINK = "\x0e"
"""Before an index into `PageState.template_links`, in place of a link's target."""
NO_TRAIL = "\x0f"
"""After a link that takes no trail: letters behind it stay outside."""
PIPE, EQUALS = "\x10", "\x11"
"""A pipe and an equals sign that a template left: text, not separators."""
DROPPED = "\x12"
"""In place of markup that left nothing: a template, tag, file or category."""
TAG_OPEN, TAG_CLOSE = "\x13", "\x14"
"""In place of a start tag and an end tag: they separate the text on both sides and show nothing."""


class LinkTarget(NamedTuple):
    """A link without its span."""

    kind: LinkKind
    wiki: str | None
    target: str
    fragment: str | None
    names: Mapping[str, str]


TargetFields = tuple[LinkKind, str | None, str, str | None, Mapping[str, str]]
"""The fields of a `LinkTarget`. A plain tuple costs a third of the time, and a page has one per link."""


@dataclass(slots=True)
class PageState:
    """What the passes collect about a page; one per call of `extract`."""

    profile: WikiProfile
    budget: Budget
    protected: list[str] = field(default_factory=list)
    links: list[TargetFields] = field(default_factory=list)
    """In the order of the LINK_OPEN marks."""
    heading_levels: list[int] = field(default_factory=list)
    """In the order of the HEADING_OPEN marks."""
    template_links: list[LinkTarget] = field(default_factory=list)
    templates: dict[str, int] = field(default_factory=dict)
    """Name -> a number that grows with the position of its first use in the page."""
    counters: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        if number:
            self.counters[name] = self.counters.get(name, 0) + number

    def protect(self, text: str) -> str:
        """Hide `text` from all passes; return the mark that replaces it."""
        self.protected.append(text)
        return f"{PROTECTED_OPEN}{len(self.protected) - 1}{PROTECTED_CLOSE}"

    def check_budget(self, amount: int, limit: int, what: str) -> None:
        """Raise `WikitextError` if `amount` is above `limit`; `what` names the amount."""
        if amount > limit:
            raise WikitextError(f"{what}: {amount:,} are more than the budget of {limit:,}")
