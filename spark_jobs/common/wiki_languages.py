"""Language codes, wiki ids and interwiki prefixes, and the conversions between them.

A wiki id is the database name (`jawiki`, `zh_min_nanwiki`). A language code is the value in `langlinks.ll_lang` and
`[[code:Title]]`: the wiki id without `wiki`, with hyphens. Public langlinks tables of 2017 to 2023 hold `be-x-old`, `zh-min-nan`,
`zh-yue`, `zh-classical`, `no`, `simple`, `bat-smg`, and sometimes the newer codes (`nb`, `yue`, `nan`, `be-tarask`). Both kinds
are accepted; `canonical_code` returns the first kind.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

MULTILINGUAL = frozenset({"commons", "wikidata"})
"""Wikis of all languages in the site configuration; their local words are English."""
_SUFFIX = "wiki"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Prefix:
    """The target of an interwiki prefix.

    `wiki` is the wiki's id, or None for a site outside Wikimedia; `language` is set if the prefix names a Wikipedia;
    `project` is set if a language prefix may follow (`wikt:fr:mot`): the suffix of the project's wiki ids.
    """

    wiki: str | None
    language: str | None = None
    project: str | None = None


@cache
def language_codes() -> dict[str, Any]:
    """The packaged table `language_codes.yaml`; the value is cached, so callers must not change it."""
    text = (files("spark_jobs.common") / "language_codes.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.load(text, Loader=_LOADER)  # noqa: S506  (a safe loader)
    return table


@cache
def wikipedia_codes() -> frozenset[str]:
    """Canonical codes of all known Wikipedias."""
    return frozenset(language_codes()["wikipedias"])


def canonical_code(code: str) -> str:
    """The code in langlinks for a language: `nb` -> `no`, `yue` -> `zh-yue`; unknown codes are returned unchanged."""
    code = code.lower().replace("_", "-")
    if code in wikipedia_codes():
        return code
    alias: str = language_codes()["aliases"].get(code, code)
    return alias


def language_of(wiki: str) -> str:
    """Language code of a wiki id: `jawiki` -> `ja`, `zh_yuewiki` -> `zh-yue`, `be_x_oldwiki` -> `be-x-old`.

    Raises ValueError for an id that does not end in `wiki`.
    """
    if not wiki.endswith(_SUFFIX) or len(wiki) == len(_SUFFIX):
        raise ValueError(f"{wiki!r} is not a Wikipedia: expected a language code and 'wiki', as in 'jawiki' or 'zh_yuewiki'")
    return canonical_code(wiki.removesuffix(_SUFFIX))


def language_tag(wiki: str) -> str:
    """BCP 47 tag of a wiki's language, for HTML and dataset cards: `jawiki` -> `ja`, `zh_yuewiki` -> `yue`.

    Raises ValueError for an id that does not end in `wiki`.
    """
    code = language_of(wiki)
    tag: str = language_codes()["language_tags"].get(code, code)
    return tag


def wiki_of_language(code: str) -> str | None:
    """Wiki id of a language code, old or new; None if no such Wikipedia is known: `nb` -> `nowiki`, `xx` -> None."""
    code = canonical_code(code)
    return code.replace("-", "_") + _SUFFIX if code in wikipedia_codes() else None


def codes_of(wiki: str) -> list[str]:
    """All codes, old and new, of a wiki: `nowiki` -> ['nb', 'no']."""
    known = wikipedia_codes() | language_codes()["aliases"].keys()
    return sorted(code for code in known if wiki_of_language(code) == wiki)


@cache
def interwiki_prefix(prefix: str, language: str) -> Prefix | None:
    """The target of `prefix:` in the Wikipedia of `language`; None if it is not an interwiki prefix.

    >>> interwiki_prefix("EN", "ja")
    Prefix(wiki='enwiki', language='en', project=None)
    >>> interwiki_prefix("wikt", "ja").wiki, interwiki_prefix("commons", "ja").wiki, interwiki_prefix("Star Trek", "ja")
    ('jawiktionary', 'commonswiki', None)
    """
    key = prefix.strip().lower()
    data = language_codes()
    wiki = wiki_of_language(key) if key not in MULTILINGUAL else None
    if wiki is not None:
        return Prefix(wiki, canonical_code(key))
    if key in data["projects"]:
        project = data["projects"][key]
        return Prefix(language.replace("-", "_") + project, project=project)
    if key in data["wikipedia"]:
        return Prefix("enwiki", "en", _SUFFIX)
    if key in data["wikis"]:
        return Prefix(data["wikis"][key])
    return Prefix(None) if key in data["elsewhere"] else None
