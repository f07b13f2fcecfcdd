"""The language files: `languages/cs.yaml` holds all that differs in Czech, `languages/shared.yaml` applies everywhere.

`languages/shared.yaml` documents the keys. Reading is strict: an unknown key, a key that is given twice or a value of another
type raises ValueError with the file and the key.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from spark_jobs.common.packaged_yaml import read_packaged_yaml
from spark_jobs.common.wiki_languages import canonical_code, wikipedia_codes
from spark_jobs.wikis.siteinfo import FUNCTIONS
from spark_jobs.wikis.template_rules import TemplateRule, parse_link_rule

SHARED = "shared"
"""Name of the file that applies on every wiki."""
_SHARED_KEYS = {
    "link_trail",
    "disambiguation_templates",
    "first_argument_templates",
    "templates",
    "templates_with_language_code",
    "namespaces_without_articles",
}
_CODE = "CODE"
"""Stands for a language code in a name of `templates_with_language_code`."""


@dataclass(frozen=True)
class LanguageFile:
    """The content of one language file; a key that the file lacks is None, False or empty. Callers must not change it."""

    fallback: str | None = None
    site_configuration_of: str | None = None
    link_trail: str | None = None
    link_prefix: str | None = None
    dotted_i: bool = False
    variants: Sequence[str] = ()
    variant_fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    magic_words: Mapping[str, Sequence[str]] | None = None
    dropped_sections: Sequence[str] = ()
    disambiguation_templates: Sequence[str] = ()
    list_title_prefixes: Sequence[str] = ()
    list_title_suffixes: Sequence[str] = ()
    first_argument_templates: Sequence[str] = ()
    templates: Mapping[str, TemplateRule | None] = field(default_factory=dict)
    """Rules by template name, each `same_as` replaced by the rule that it names."""
    templates_with_language_code: Mapping[str, TemplateRule] = field(default_factory=dict)
    """Rules by template name, one for each language code."""
    namespaces_without_articles: Sequence[str] = ()


@cache
def read_language_file(language: str) -> LanguageFile:
    """The file of a language code, or of `SHARED`; an empty one for a language that has no file.

    >>> read_language_file("cs").templates["Unit"], read_language_file("aa") == LanguageFile()
    ('{1} {2}', True)

    Raises ValueError for a code without a Wikipedia and for a file that breaks the format.
    """
    if language != SHARED and language not in wikipedia_codes():
        raise ValueError(f"no Wikipedia has the language code {language!r}; language files exist for codes such as cs or zh-yue")
    content = read_packaged_yaml("spark_jobs.wikis.languages", f"{language}.yaml")
    if content is None:
        return LanguageFile()
    shared = {} if language == SHARED else read_language_file(SHARED).templates
    try:
        return parse_language_file(content, language == SHARED, shared)
    except ValueError as error:
        raise ValueError(f"spark_jobs/wikis/languages/{language}.yaml: {error}; shared.yaml documents the format") from error


def parse_language_file(content: Any, is_shared: bool, shared_templates: Mapping[str, TemplateRule | None]) -> LanguageFile:
    """Check the content of a language file; `same_as` may name a rule of `shared_templates`. Raises ValueError with the key."""
    if not isinstance(content, dict):
        raise ValueError("the file must hold keys with values")
    allowed = _SHARED_KEYS if is_shared else _EXPECTED.keys() - {"namespaces_without_articles"}
    for key, value in content.items():
        if key not in allowed:
            raise ValueError(f"{key!r} is not a key of this file; its keys are {', '.join(sorted(allowed))}")
        expected, fits = _EXPECTED[key]
        if not fits(value):
            raise ValueError(f"{key} must be {expected}, not {value!r}")
    rules = content.get("templates", {})
    parsed = {
        "templates": {name: _parse_rule(name, rule, rules, shared_templates) for name, rule in rules.items()},
        "templates_with_language_code": dict(
            item for row in content.get("templates_with_language_code", ()) for item in _expand_codes(row).items()
        ),
    }
    return LanguageFile(**{**content, **parsed})


def _parse_rule(
    name: str, rule: Any, rules: Mapping[str, Any], shared_templates: Mapping[str, TemplateRule | None]
) -> TemplateRule | None:
    if isinstance(rule, dict) and set(rule) == {"same_as"}:
        other = rule["same_as"]
        if other in rules and not (isinstance(rules[other], dict) and "same_as" in rules[other]):
            return _parse_rule(other, rules[other], rules, shared_templates)
        if other in rules or other not in shared_templates:
            raise ValueError(f"templates: {name}: same_as must name a rule of this file or of shared.yaml, not {other!r}")
        return shared_templates[other]
    if rule is None or isinstance(rule, str):
        return rule
    try:
        return parse_link_rule(rule)
    except ValueError as error:
        raise ValueError(f"templates: {name}: {error}") from error


def _expand_codes(row: Mapping[str, Any]) -> dict[str, TemplateRule]:
    """The rules of a row of `templates_with_language_code`: one for each of its language codes."""
    rule = row["rule"]
    return {
        row["name"].replace(_CODE, code): rule
        if isinstance(rule, str)
        else parse_link_rule({**rule, "language": canonical_code(code)})
        for code in row["languages"]
    }


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_named_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value)) and all(map(_is_texts, value.values()))


def _is_code_row(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"name", "rule", "languages"}
        and _is_text(value["name"])
        and _CODE in value["name"]
        and isinstance(value["rule"], str | dict)
        and _is_texts(value["languages"])
    )


_TEXT = ("a text", _is_text)
_TEXTS = ("a list of texts", _is_texts)
_LANGUAGE = ("a language code with a Wikipedia", lambda value: _is_text(value) and value in wikipedia_codes())
_EXPECTED: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "fallback": _LANGUAGE,
    "site_configuration_of": _LANGUAGE,
    "link_trail": _TEXT,
    "link_prefix": _TEXT,
    "dotted_i": ("true or false", lambda value: isinstance(value, bool)),
    "variants": _TEXTS,
    "variant_fallbacks": ("lists of variants by variant", _is_named_texts),
    "magic_words": (
        f"lists of words by {', '.join(FUNCTIONS)} or switches",
        lambda value: _is_named_texts(value) and set(value) <= {*FUNCTIONS, "switches"},
    ),
    "dropped_sections": _TEXTS,
    "disambiguation_templates": _TEXTS,
    "list_title_prefixes": _TEXTS,
    "list_title_suffixes": _TEXTS,
    "first_argument_templates": _TEXTS,
    "templates": (
        "rules by template name",
        lambda value: (
            isinstance(value, dict)
            and all(map(_is_text, value))
            and all(rule is None or isinstance(rule, str | dict) for rule in value.values())
        ),
    ),
    "templates_with_language_code": (
        "a list of {name, rule, languages} with CODE in the name",
        lambda value: isinstance(value, list) and all(map(_is_code_row, value)),
    ),
    "namespaces_without_articles": _TEXTS,
}
"""Key -> the value that it takes, in words, and the check of it."""
