"""From a page title to a name for training: the cleaning of Ri and Yamada, for any pivot language.

A name loses the parenthetical at its end that only distinguishes titles (`Mercury (planet)`). Titles that do not name an entity
give no name: lists, and pages outside the articles. The language files hold how titles of lists begin and end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from spark_jobs.common.wiki_languages import wiki_of_language
from spark_jobs.wikis.language_files import SHARED, read_language_file
from spark_jobs.wikis.profile_assembly import load_profile
from spark_jobs.wikis.wiki_profile import namespace_key

_CLOSING = {")": "(", "）": "（"}


@dataclass(frozen=True)
class NameRules:
    """Rules for titles that do not name an entity, in one pivot language: affixes of lists (case folded), namespaces."""

    language: str
    list_prefixes: tuple[str, ...]
    list_suffixes: tuple[str, ...]
    namespaces: frozenset[str]


@cache
def name_rules(language: str) -> NameRules:
    """The rules of a pivot language; the namespaces are those of its Wikipedia and of `shared.yaml`.

    Raises ValueError for a language without a Wikipedia.
    """
    wiki = wiki_of_language(language)
    if wiki is None:
        raise ValueError(f"no Wikipedia has the language code {language!r}: name rules exist for codes such as en, ja or zh-yue")
    profile = load_profile(wiki)
    own = read_language_file(profile.language)
    return NameRules(
        profile.language,
        _folded(own.list_title_prefixes),
        _folded(own.list_title_suffixes),
        frozenset(profile.namespaces) | frozenset(map(namespace_key, read_language_file(SHARED).namespaces_without_articles)),
    )


def clean_name(title: str, rules: NameRules) -> str | None:
    """The name in a title (with spaces or underscores), or None for a list, a page outside the articles or a title with `#`.

    >>> clean_name("Mercury (planet)", name_rules("en")), clean_name("List of rivers", name_rules("en"))
    ('Mercury', None)

    A parenthetical is removed only after a space, a full-width one always: `Iron(III)` stays whole.
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
                is_separate = name[index] == "（" or index == 0 or name[index - 1] == " "
                return name[:index].rstrip() if is_separate else name
    return name


def _folded(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.casefold() for word in words)
