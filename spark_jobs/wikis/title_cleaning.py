"""From a page title to a name for training: Ri and Yamada's cleaning, for any pivot language.

A name loses the parenthetical at its end that only tells titles apart (`Mercury (planet)`), and titles that name no entity
give no name: lists of things and pages outside the articles. What a list is called is data, `data/pivot_names.yaml`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from spark_jobs.common.wiki_languages import wiki_of_language
from spark_jobs.wikis.packaged_data import read_yaml
from spark_jobs.wikis.wiki_profile import load_profile, namespace_key

_CLOSING = {")": "(", "）": "（"}


@dataclass(frozen=True)
class NameRules:
    """What is dropped from one pivot language's titles: beginnings and ends of list titles (case folded), namespace names."""

    language: str
    list_prefixes: tuple[str, ...]
    list_suffixes: tuple[str, ...]
    namespaces: frozenset[str]


@cache
def name_rules(language: str) -> NameRules:
    """The rules of a pivot language; namespaces are those of its own Wikipedia and the words of the data file.

    Raises ValueError for a language without a Wikipedia.
    """
    wiki = wiki_of_language(language)
    if wiki is None:
        raise ValueError(f"no Wikipedia has the language code {language!r}: name rules exist for codes such as en, ja or zh-yue")
    profile = load_profile(wiki)
    data = read_yaml("pivot_names.yaml")
    own = data["lists"].get(profile.language, {})
    return NameRules(
        profile.language,
        _folded(own.get("prefixes", ())),
        _folded(own.get("suffixes", ())),
        frozenset(profile.namespaces) | frozenset(namespace_key(name) for name in data["namespaces"]),
    )


def clean_name(title: str, rules: NameRules) -> str | None:
    """The name in a title (with spaces or underscores), or None if it names no entity; a title with `#` gives None.

    >>> clean_name("Mercury (planet)", name_rules("en")), clean_name("List of rivers", name_rules("en"))
    ('Mercury', None)

    A parenthetical goes only when it stands apart (after a space; full-width ones always): `Iron(III)` stays whole.
    """
    name = " ".join(title.replace("_", " ").split())
    if not name or "#" in name:
        return None
    prefix, colon, _ = name.partition(":")
    if colon and namespace_key(prefix) in rules.namespaces:
        return None
    name = without_parenthetical(name)
    folded = name.casefold()
    if not name or folded.startswith(rules.list_prefixes) or folded.endswith(rules.list_suffixes):
        return None
    return name


def without_parenthetical(name: str) -> str:
    """`name` without the balanced parenthetical at its end: `A (b (c))` gives `A`; `A) b)` stays."""
    opening = _CLOSING.get(name[-1:])
    if opening is None:
        return name
    depth = 0
    for index in range(len(name) - 1, -1, -1):
        if name[index] in _CLOSING:
            depth += 1
        elif name[index] in "(（":
            depth -= 1
            if depth == 0:
                apart = name[index] == "（" or index == 0 or name[index - 1] == " "
                return name[:index].rstrip() if apart else name
    return name


def _folded(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.casefold() for word in words)
