"""`load_profile`: a wiki's profile, assembled from the packaged site configuration, `shared.yaml` and its language file."""

import difflib
import gzip
import json
from functools import cache
from importlib.resources import files
from typing import Any

from spark_jobs.common.wiki_languages import MULTILINGUAL, language_of, wikipedia_codes
from spark_jobs.wikis.first_letter import upper_first
from spark_jobs.wikis.language_files import SHARED, LanguageFile, read_language_file
from spark_jobs.wikis.siteinfo import CaseRule, classify_magic_words
from spark_jobs.wikis.template_rules import TemplateRule
from spark_jobs.wikis.wiki_profile import WikiProfile, namespace_key, section_key


@cache
def load_profile(wiki: str) -> WikiProfile:
    """The packaged profile of a Wikipedia, or of commonswiki or wikidatawiki.

    >>> load_profile("jawiki").namespaces["画像"], load_profile("jawiki").namespace_names[6]
    (6, 'ファイル')

    Raises ValueError, with the closest known ids, for an unknown wiki.
    """
    known = {code.replace("-", "_") + "wiki": code for code in wikipedia_codes()}
    known |= {f"{name}wiki": name for name in MULTILINGUAL}
    known.setdefault("be_taraskwiki", "be-x-old")
    if wiki not in known:
        close = difflib.get_close_matches(wiki, known, n=4, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "an id is a language code and 'wiki', as in jawiki or zh_yuewiki"
        raise ValueError(f"no profile for wiki {wiki!r}: {hint} ({len(known)} wikis are known)")
    if known[wiki] in MULTILINGUAL:
        return _assemble(wiki, "en", known[wiki])
    return _assemble(wiki, language_of(wiki), language_of(wiki))


@cache
def read_packaged_siteinfo() -> dict[str, dict[str, Any]]:
    """The packaged site configuration by language code; `rebuild_siteinfo` documents the entries. Callers must not change it."""
    table: dict[str, dict[str, Any]] = json.loads(
        gzip.decompress((files("spark_jobs.wikis") / "namespaces_and_magic_words.json.gz").read_bytes())
    )
    return table


def _assemble(wiki: str, language: str, configuration: str) -> WikiProfile:
    shared, own = read_language_file(SHARED), read_language_file(language)
    fallback = read_language_file(own.fallback) if own.fallback else LanguageFile()
    site = read_packaged_siteinfo()[own.site_configuration_of or configuration]
    case: CaseRule = "case-sensitive" if site["case"] == "case-sensitive" else "first-letter"
    words = classify_magic_words(own.magic_words if own.magic_words is not None else fallback.magic_words or {})
    rules = _collect_template_rules(shared, own, case, own.dotted_i)
    return WikiProfile(
        wiki=wiki,
        language=language,
        case=case,
        namespaces={namespace_key(name): int(number) for number, names in site["namespaces"].items() for name in names if name},
        namespace_names={int(number): names[0] for number, names in site["namespaces"].items()},
        link_trail=_first_given(own.link_trail, fallback.link_trail, shared.link_trail),
        redirect_words=tuple(dict.fromkeys([*site["redirect"], "#REDIRECT"])),
        switches=tuple(dict.fromkeys([*site["switches"], *words.switches])),
        page_settings=frozenset(site["settings"]),
        functions=words.functions,
        variables=words.variables,
        case_sensitive_namespaces=frozenset(site["case_sensitive"]),
        dotted_i=own.dotted_i,
        link_prefix=_first_given(own.link_prefix, fallback.link_prefix),
        templates={name: rule for name, rule in rules.items() if isinstance(rule, str)},
        link_templates={name: rule for name, rule in rules.items() if not isinstance(rule, str)},
        disambiguation_templates=frozenset(
            upper_first(name, own.dotted_i) for name in (*shared.disambiguation_templates, *own.disambiguation_templates)
        ),
        dropped_sections=frozenset(section_key(title) for title in own.dropped_sections),
        variants=tuple(own.variants),
    )


def _first_given(*values: str | None) -> str:
    return next((value for value in values if value is not None), "")


def _collect_template_rules(shared: LanguageFile, own: LanguageFile, case: CaseRule, dotted_i: bool) -> dict[str, TemplateRule]:
    """Rules by template name: those for all wikis, then those of the language, which win; null removes a rule."""
    rules: dict[str, TemplateRule] = {}
    for file in (shared, own):
        for name, rule in {**dict.fromkeys(file.first_argument_templates, "{1}"), **file.templates}.items():
            for spelling in (name, name if case == "case-sensitive" else upper_first(name, dotted_i)):
                if rule is None:
                    rules.pop(spelling, None)
                else:
                    rules[spelling] = rule
    for file in (shared, own):
        for name, rule in file.templates_with_language_code.items():
            rules.setdefault(name, rule)
    return rules
