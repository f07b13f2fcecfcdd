"""The rules for the name of one link: which source wins, per pivot language.

The first source that gives a usable name wins:

1. `link`: the link itself points into the pivot wiki (`[[:en:X|Y]]`), or a link-bearing template contains the title;
2. `langlink`: a langlink of the target page;
3. `redirect`: a langlink of the page behind the target's redirects.

A link into a section (`[[A#b]]`) means something inside A, so it does not get the name of A. `wikis.title_cleaning.clean_name`
turns titles into names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.common.wiki_languages import wiki_of_language
from spark_jobs.wikis.title_cleaning import NameRules, clean_name, name_rules


@dataclass(frozen=True)
class TargetNames:
    """The article that a title leads to: its page id, and a `(language, title, source)` per language."""

    page_id: int
    names: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Pivot:
    """A language in which links get names."""

    language: str
    wiki: str | None
    rules: NameRules


def load_pivots(languages: Sequence[str]) -> list[Pivot]:
    """Load the pivots for language codes, sorted by code. Raises ValueError for a code without a Wikipedia."""
    return [Pivot(language, wiki_of_language(language), name_rules(language)) for language in sorted(languages)]


def resolve_link(
    link: Mapping[str, Any], targets: Mapping[str, TargetNames], pivots: Sequence[Pivot]
) -> tuple[int | None, list[dict[str, str]]]:
    """The page id of the article behind a link of `articles`, or None, and the names of the link, sorted by language.

    `targets` maps normalised titles of the link's wiki to articles; titles that lead to no article are absent.

    >>> targets = {"水星": TargetNames(7, (("en", "Mercury (planet)", "langlink"),))}
    >>> link = {"kind": "internal", "wiki": None, "target": "水星", "fragment": None, "names": []}
    >>> resolve_link(link, targets, load_pivots(["en"]))
    (7, [{'language': 'en', 'name': 'Mercury', 'source': 'langlink'}])
    >>> resolve_link({**link, "fragment": "軌道"}, targets, load_pivots(["en"]))
    (7, [])
    """
    target = targets.get(link["target"]) if link["wiki"] is None and link["target"] else None
    known = target.names if target is not None and link["fragment"] is None else ()
    names = []
    for pivot in pivots:
        for title, source in (*_own_titles(link, pivot), *((t, s) for language, t, s in known if language == pivot.language)):
            if (name := clean_name(title, pivot.rules)) is not None:
                names.append({"language": pivot.language, "name": name, "source": source})
                break
    return (target.page_id if target is not None else None), names


def _own_titles(link: Mapping[str, Any], pivot: Pivot) -> list[tuple[str, str]]:
    """Titles in the pivot language from the markup itself. Codes of one wiki (`nb` and `no`) are one language."""
    return [(entry["title"], "link") for entry in link["names"] if wiki_of_language(entry["language"]) == pivot.wiki]
