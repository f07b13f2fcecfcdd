"""Targets of links: where they lead, the text that they show without a label, or the reason why no link is shown."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from spark_jobs.wikis.wiki_profile import NAMESPACE_CATEGORY, NAMESPACE_FILE, NAMESPACE_MEDIA, WikiProfile
from spark_jobs.wikitext.page_state import DROPPED, LinkTarget
from spark_jobs.wikitext.passes.external_links import PROTOCOLS
from spark_jobs.wikitext.title_normalisation import Title, is_ordinary_title, normalise_title

LITERAL_COUNTER, TEXT_COUNTER = "links_literal", "links_as_text"
_SILENT_NAMESPACES = {NAMESPACE_CATEGORY: "categories", NAMESPACE_FILE: "files"}
SILENT_COUNTERS = frozenset(["language_links", *_SILENT_NAMESPACES.values()])
_PROTOCOL = re.compile(PROTOCOLS, re.IGNORECASE)
NO_NAMES: Mapping[str, str] = {}


class ResolvedTarget(NamedTuple):
    """A resolved target: the text shown without a label, and the target, or None and the counter to raise."""

    shown: str
    target: LinkTarget | None
    counter: str


def resolve_target(raw: str, profile: WikiProfile) -> ResolvedTarget:
    """Resolve `[[raw]]` on this wiki."""
    if is_ordinary_title(raw) and "''" not in raw:
        return ResolvedTarget(raw, LinkTarget("internal", None, profile.capitalise(raw), None, NO_NAMES), "")
    if DROPPED in raw:
        return ResolvedTarget("", None, TEXT_COUNTER)
    title = None if _PROTOCOL.match(raw.lstrip(" ")) else normalise_title(raw, profile)
    if title is None:
        return ResolvedTarget(raw, None, LITERAL_COUNTER)
    shown = unquote(raw) if "%" in raw else raw
    shown = shown.strip().removeprefix(":").strip() or title.text
    if "''" in shown:
        shown = shown.replace("''", "&#39;&#39;")
    counter = _counter_of_hidden_link(title)
    return ResolvedTarget(shown, None if counter else _visible_target(title), counter)


def _counter_of_hidden_link(title: Title) -> str:
    """The counter of a link that is not shown as a link; empty for visible links."""
    if title.wiki is not None:
        if title.interlanguage and not title.colon:
            return "language_links"
        return "" if title.wiki else TEXT_COUNTER
    if title.namespace == NAMESPACE_MEDIA:
        return TEXT_COUNTER
    return "" if title.colon else _SILENT_NAMESPACES.get(title.namespace, "")


def _visible_target(title: Title) -> LinkTarget:
    if title.wiki is None:
        return LinkTarget("internal", None, title.text, title.fragment, NO_NAMES)
    names = {title.language: title.text} if title.language and title.text and title.fragment is None else NO_NAMES
    return LinkTarget("interwiki", title.wiki, title.text, title.fragment, names)
