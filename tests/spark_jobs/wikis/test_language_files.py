"""The language files: all of them follow the format, and files that break it are refused with the file and the key."""

import unicodedata
from dataclasses import fields
from pathlib import Path

import pytest

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis import language_files, languages, load_profile
from spark_jobs.wikis.language_files import SHARED, LanguageFile, parse_language_file, read_language_file
from spark_jobs.wikis.template_rules import LinkTemplate

FOLDER = Path(languages.__file__).parent
CODES = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != SHARED)


def test_each_file_is_that_of_a_language_with_a_wikipedia() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"__init__.py", "__pycache__"}
    assert files == {f"{code}.yaml" for code in (SHARED, *CODES)}
    assert set(CODES) <= wikipedia_codes()
    assert len(CODES) == 250


@pytest.mark.parametrize("name", [SHARED, *CODES])
def test_each_file_follows_the_format_and_states_something(name: str) -> None:
    assert read_language_file(name) != LanguageFile()


@pytest.mark.parametrize("name", [SHARED, *CODES])
def test_each_file_is_in_nfc_as_the_text_of_dumps_is(name: str) -> None:
    assert unicodedata.is_normalized("NFC", (FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def test_the_head_of_shared_yaml_documents_every_key() -> None:
    lines = (FOLDER / "shared.yaml").read_text(encoding="utf-8").splitlines()
    documented = {line[2:].partition(":")[0] for line in lines if line.startswith("# ") and line[2:3].islower()}
    assert {item.name for item in fields(LanguageFile)} <= documented


def test_a_fallback_has_words_or_a_trail_to_give() -> None:
    for code in CODES:
        file = read_language_file(code)
        if file.fallback:
            fallback = read_language_file(file.fallback)
            assert (fallback.magic_words, fallback.link_trail) != (None, None), code
            assert file.fallback != code


def test_a_link_trail_that_the_fallback_gives_is_not_repeated() -> None:
    shared = read_language_file(SHARED).link_trail
    for code in CODES:
        file = read_language_file(code)
        inherited = read_language_file(file.fallback).link_trail if file.fallback else None
        assert file.link_trail is None or file.link_trail != (shared if inherited is None else inherited), code


def test_the_fallbacks_of_a_variant_are_variants_of_its_wiki() -> None:
    for code in CODES:
        file = read_language_file(code)
        assert set(file.variant_fallbacks) <= set(file.variants), code
        for variant, fallbacks in file.variant_fallbacks.items():
            assert set(fallbacks) <= set(file.variants) - {variant}, variant


def test_a_language_takes_words_and_trail_from_its_fallback_and_nothing_else() -> None:
    alemannic, german = load_profile("alswiki"), load_profile("dewiki")
    assert (alemannic.link_trail, alemannic.functions["klein"]) == (german.link_trail, "lc")
    assert "Zitat" in german.templates
    assert "Zitat" not in alemannic.templates
    assert not alemannic.dropped_sections


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="no Wikipedia has the language code 'xx'"):
        read_language_file("xx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["cs"], "the file must hold keys with values"),
        ({"link_trial": "[a-z]*"}, "'link_trial' is not a key of this file; its keys are .*link_trail"),
        ({"namespaces_without_articles": ["Book"]}, "'namespaces_without_articles' is not a key of this file"),
        ({True: "[a-z]*"}, "True is not a key of this file"),
        ({"link_trail": None}, "link_trail must be a text, not None"),
        ({"fallback": False}, "fallback must be a language code with a Wikipedia, not False"),
        ({"fallback": "xx"}, "fallback must be a language code with a Wikipedia, not 'xx'"),
        ({"dotted_i": "yes"}, "dotted_i must be true or false, not 'yes'"),
        ({"dropped_sections": "Notes"}, "dropped_sections must be a list of texts, not 'Notes'"),
        ({"dropped_sections": ["Notes", 7]}, "dropped_sections must be a list of texts"),
        ({"variant_fallbacks": {"zh-tw": "zh-hant"}}, "variant_fallbacks must be lists of variants by variant"),
        ({"magic_words": {"lower": ["malá"]}}, "magic_words must be lists of words by lc, uc, .* or switches"),
        ({"templates": {"a": 1}}, "templates must be rules by template name"),
        ({"templates": {1: "a"}}, "templates must be rules by template name"),
        ({"templates": {"a": {"label": "{1}"}}}, "templates: a: a link rule has label, target"),
        ({"templates": {"a": {"same_as": "b"}}}, "templates: a: same_as must name a rule of this file or .* not 'b'"),
        ({"templates": {"a": {"same_as": "b"}, "b": {"same_as": "convert"}}}, "templates: a: same_as must name a rule"),
        ({"templates": {"a": {"same_as": "a"}}}, "templates: a: same_as must name a rule"),
        ({"templates_with_language_code": [{"name": "Lang", "rule": "{1}", "languages": ["cs"]}]}, "with CODE in the name"),
        ({"templates_with_language_code": [{"name": "Lang-CODE", "rule": "{1}", "languages": [False]}]}, "a list of {name, rule"),
    ],
)
def test_content_that_breaks_the_format_is_refused_with_the_key(content: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_language_file(content, False, {"convert": "{1}"})


@pytest.mark.parametrize("key", ["fallback", "magic_words", "dropped_sections", "variants"])
def test_shared_yaml_holds_only_what_applies_everywhere(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key!r} is not a key of this file"):
        parse_language_file({key: []}, True, {})


def test_an_error_names_the_file(monkeypatch) -> None:
    monkeypatch.setattr(language_files, "read_packaged_yaml", lambda _package, _name: {"dotted_i": 1})
    with pytest.raises(
        ValueError, match=r"wikis/languages/cs.yaml: dotted_i must be true or false, not 1; shared.yaml documents"
    ):
        read_language_file.__wrapped__("cs")


def test_rules_are_texts_links_null_and_the_rules_of_other_templates() -> None:
    link = {"label": "{1}", "target": "{1}", "language": "en", "title": "{2}"}
    content = {"templates": {"a": "{1}", "b": link, "c": None, "d": {"same_as": "b"}, "e": {"same_as": "convert"}}}
    expected = LinkTemplate("{1}", "{1}", (("en", "{2}"),))
    rules = parse_language_file(content, False, {"convert": "{2}"}).templates
    assert rules == {"a": "{1}", "b": expected, "c": None, "d": expected, "e": "{2}"}


def test_a_template_with_a_language_code_has_a_rule_for_each_code() -> None:
    rows = [
        {"name": "Lang-CODE", "rule": "{1}", "languages": ["cs", "yue"]},
        {"name": "Link-CODE", "rule": {"label": "{1}", "target": "{1}", "title": "{2}"}, "languages": ["yue"]},
    ]
    rules = parse_language_file({"templates_with_language_code": rows}, False, {}).templates_with_language_code
    assert rules == {"Lang-cs": "{1}", "Lang-yue": "{1}", "Link-yue": LinkTemplate("{1}", "{1}", (("zh-yue", "{2}"),))}
