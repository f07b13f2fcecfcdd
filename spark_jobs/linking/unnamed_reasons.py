"""Why a link has no name: the reasons, and how they follow from the link and from the tables.

They mirror the rules of `name_resolution.resolve_link`, in its order: first the link itself, then its target.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from spark_jobs.linking.name_resolution import Pivot
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikis.title_cleaning import clean_name
from spark_jobs.wikis.wiki_profile import namespace_key

Reason = Literal[
    "same_page",
    "section",
    "other_wiki",
    "missing",
    "other_namespace",
    "redirect_section",
    "redirect_nowhere",
    "no_langlink",
    "unusable_title",
]

REASONS: Mapping[Reason, str] = {
    "no_langlink": "the article has no langlink into the language",
    "missing": "no page of that title is in the dump: a red link, or a page that the dump does not hold",
    "section": "leads into a section: the page's name is not the section's name",
    "unusable_title": "the title in that language does not name an entity: a list, or a page outside the articles",
    "other_namespace": "leads to a page outside the articles: a category, a portal, a help page",
    "other_wiki": "leads to a wiki of another language or to a sister project",
    "redirect_section": "the target is a redirect to a section",
    "redirect_nowhere": "the target is a redirect that ends in a circle, at a missing page, or at a section of another page",
    "same_page": "leads to a section of its own page",
}
"""Explanation of each reason, frequent ones first."""


class TargetFacts(NamedTuple):
    """The rows about a title in the tables."""

    names: Sequence[Mapping[str, str]] | None
    """The column `names` of the table `names`; None if the title leads to no article."""
    redirect_title: str | None = None
    """Target of its redirect; None if the page is not a redirect or not in the dump."""
    redirect_fragment: str | None = None


def find_link_reason(wiki: str | None, target: str, fragment: str | None, pivot: Pivot) -> Reason | None:
    """The reason why a link has no name, if the link itself shows it; None if it depends on the target (`find_target_reason`).

    `wiki`, `target` and `fragment` are the fields of a link of `articles`.
    """
    if wiki is None and not target:
        return "same_page"
    if fragment is not None:
        return "section"
    if wiki is None:
        return None
    return "unusable_title" if wiki == pivot.wiki else "other_wiki"


def find_target_reason(title: str, facts: TargetFacts, pivot: Pivot, profile: WikiProfile) -> Reason | None:
    """The reason why a title of the wiki itself gives no name; None if it gives one.

    >>> from spark_jobs.linking.name_resolution import load_pivots
    >>> from spark_jobs.wikis import load_profile
    >>> english, japanese = load_pivots(["en"])[0], load_profile("jawiki")
    >>> find_target_reason("江戸", TargetFacts(names=[]), english, japanese)
    'no_langlink'
    >>> find_target_reason("川の一覧", TargetFacts([{"language": "en", "title": "List of rivers"}]), english, japanese)
    'unusable_title'
    >>> find_target_reason("Category:川", TargetFacts(names=None), english, japanese)
    'other_namespace'
    """
    if facts.names is not None:
        titles = [entry["title"] for entry in facts.names if entry["language"] == pivot.language]
        if any(clean_name(title, pivot.rules) is not None for title in titles):
            return None
        return "unusable_title" if titles else "no_langlink"
    if facts.redirect_fragment is not None:
        return "redirect_section"
    if facts.redirect_title is not None:
        return "redirect_nowhere"
    prefix, colon, _ = title.partition(":")
    return "other_namespace" if colon and profile.namespaces.get(namespace_key(prefix)) else "missing"
