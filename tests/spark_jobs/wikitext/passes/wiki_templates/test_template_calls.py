"""Contract of whole classes of templates. Single templates are in `cases/templates*.txt`."""

import re

import pytest

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis import load_profile, wiki_of_language
from spark_jobs.wikis.language_files import SHARED, read_language_file
from spark_jobs.wikitext import extract

FILES = {name: read_language_file(name) for name in (SHARED, *sorted(wikipedia_codes()))}
WRAPPERS = [
    (wiki_of_language(language) or "simplewiki", name)  # simplewiki has only the rules of shared.yaml
    for language, file in FILES.items()
    for name in file.first_argument_templates
]
WITH_RULES = {wiki_of_language(language) or "simplewiki" for language, file in FILES.items() if file.templates}


@pytest.mark.parametrize("wiki", sorted({wiki for wiki, _ in WRAPPERS}))
def test_a_wrapper_shows_its_first_argument_or_nothing_without_one(wiki: str) -> None:
    for name in (name for of, name in WRAPPERS if of == wiki):
        page = extract(f"x {{{{{name}|a [[b]]|other|date=y}}}}, ({{{{{name}|q=1}}}}) z", load_profile(wiki))
        assert (page.text, len(page.links)) == ("x a b, z", 1), (wiki, name)


def test_wrappers_are_listed_once() -> None:
    for language, file in FILES.items():
        names = file.first_argument_templates
        assert len(set(names)) == len(names), language
        assert not set(names) & set(file.templates), language


def complete_arguments(pattern: str) -> dict[str, str]:
    """Arguments that fill every alternative of a pattern."""
    values = {}
    for keys in re.findall(r"\{([^{}]+)\}", pattern):
        for key in [keys] if keys.startswith("*") else keys.split("|"):
            name, _, words = key.partition(":")
            if not key.startswith("="):
                values["1" if key.startswith("*") else name] = words.split(",")[0] or "v"
    return values


def call(name: str, values: dict[str, str]) -> str:
    return "{{" + "|".join([name, *(f"{key}={value}" for key, value in values.items())]) + "}}"


@pytest.mark.parametrize("wiki", sorted(WITH_RULES))
def test_every_rule_of_a_wiki_leaves_text_for_complete_arguments(wiki: str) -> None:
    profile = load_profile(wiki)
    for name, pattern in profile.templates.items():
        text = extract(f"x{call(name, complete_arguments(pattern))}x", profile).text
        assert text.replace(" ", "") != "xx" or not pattern.strip(), (wiki, name)
    for name, rule in profile.link_templates.items():
        values = (
            complete_arguments(rule.label)
            | complete_arguments(rule.target)
            | complete_arguments(" ".join(part for pair in rule.titles for part in pair))
        )
        foreign = "de" if profile.language == "en" else "en"
        for language, _ in rule.titles:
            values |= dict.fromkeys(complete_arguments(language), foreign)
        links = extract(call(name, values), profile).links
        assert [link.kind for link in links] == ["template"], (wiki, name)
        assert links[0].names, (wiki, name)


def test_a_substitution_word_inside_a_name_belongs_to_the_name() -> None:
    page = extract("{{WWE Raw: Test}}{{msg:Foo}}{{Template:safesubst:Bar}}", load_profile("enwiki"))
    assert page.templates == ("WWE Raw: Test", "Foo", "Safesubst:Bar")


def test_templates_are_named_in_order_of_first_use_without_functions():
    page = extract("{{infobox a|{{B c|x}}}}{{#if:x}}{{DEFAULTSORT:y}}{{Template:d_e}}{{B_c}}", load_profile("enwiki"))
    assert page.templates == ("Infobox a", "B c", "D e")
