"""The links of one page, explained one by one: the name of each link and its source, or why it has none. Needs no Spark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.contract.table_schemas import NAME_SOURCES
from spark_jobs.linking.name_resolution import Pivot
from spark_jobs.linking.unnamed_reasons import REASONS, Reason, TargetFacts, find_link_reason, find_target_reason
from spark_jobs.reports.page_lookup import PageLookup
from spark_jobs.wikis import WikiProfile


@dataclass(frozen=True)
class LinkExplanation:
    """A link in one language, with its name or the reason why it has none."""

    start: int
    end: int
    surface: str
    target: str
    """Its target: `江戸`, `江戸#歴史`; on another wiki `enwiki:Edo`."""
    language: str
    name: str | None
    because: str
    """The source of the name, or the explanation why there is none."""
    reason: Reason | None = None
    """None if it has a name."""


def explain_links_of_page(
    lookup: PageLookup, row: Mapping[str, Any], pivots: Sequence[Pivot], profile: WikiProfile
) -> list[LinkExplanation]:
    """Explain each link of a row of `augmented`: in the order of the text, and for each link per pivot language."""
    own = {link["target"] for link in row["links"] if link["wiki"] is None and link["target"]}
    facts = lookup.find_target_facts(sorted(own))
    entities = {entity["start"]: entity for entity in row["entities"]}
    return [
        _explain_link(row["text"], link, entities.get(link["start"]), facts, pivot, profile)
        for link in row["links"]
        for pivot in pivots
    ]


def _explain_link(
    text: str,
    link: Mapping[str, Any],
    entity: Mapping[str, Any] | None,
    facts: Mapping[str, TargetFacts],
    pivot: Pivot,
    profile: WikiProfile,
) -> LinkExplanation:
    span = (link["start"], link["end"], text[link["start"] : link["end"]], format_target(link), pivot.language)
    if (name := _find_name(entity, pivot)) is not None:
        return LinkExplanation(*span, name["name"], NAME_SOURCES[name["source"]])
    reason = find_link_reason(link["wiki"], link["target"], link["fragment"], pivot)
    target = facts.get(link["target"], TargetFacts(None))
    if reason is None:
        reason = find_target_reason(link["target"], target, pivot, profile)
    if reason is None:
        raise ValueError(
            f"{link} of {text[:30]!r} has no name in {pivot.language}, but its target has one: the tables are of different builds"
        )
    return LinkExplanation(*span, None, REASONS[reason] + _format_detail(reason, target, pivot), reason)


def _find_name(entity: Mapping[str, Any] | None, pivot: Pivot) -> Mapping[str, str] | None:
    """The name of a row of `entities` in the pivot language, with its source; None without a row or a name."""
    names: Sequence[Mapping[str, str]] = () if entity is None else entity["names"]
    return next((name for name in names if name["language"] == pivot.language), None)


def _format_detail(reason: Reason, target: TargetFacts, pivot: Pivot) -> str:
    """The title or redirect that a reason refers to, in parentheses; empty if there is none."""
    if reason in ("redirect_section", "redirect_nowhere"):
        return f" (to {target.redirect_title}{'' if target.redirect_fragment is None else '#' + target.redirect_fragment})"
    if reason == "unusable_title" and target.names is not None:
        return f" ({', '.join(name['title'] for name in target.names if name['language'] == pivot.language)})"
    return ""


def format_target(link: Mapping[str, Any]) -> str:
    """The target of a link as text: title, section, and the wiki if it is another.

    >>> format_target({"wiki": "enwiki", "target": "Edo", "fragment": "History"})
    'enwiki:Edo#History'
    """
    wiki = "" if link["wiki"] is None else f"{link['wiki']}:"
    return f"{wiki}{link['target']}{'' if link['fragment'] is None else '#' + link['fragment']}"
