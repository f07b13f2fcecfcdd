"""Contract of whole classes of templates. Single templates are in `cases/templates*.txt`."""

import re

import pytest

from spark_jobs.wikis import load_profile, wiki_of_language
from spark_jobs.wikis.packaged_data import read_yaml
from spark_jobs.wikitext import extract

WRAPPERS = [
    (wiki_of_language(language) if language != "shared" else "simplewiki", name)
    for language, names in read_yaml("templates.yaml")["first_argument"].items()
    for name in names
]


@pytest.mark.parametrize("wiki", sorted({wiki for wiki, _ in WRAPPERS}))
def test_a_wrapper_shows_its_first_argument_or_nothing_without_one(wiki: str) -> None:
    for name in (name for of, name in WRAPPERS if of == wiki):
        page = extract(f"x {{{{{name}|a [[b]]|other|date=y}}}}, ({{{{{name}|q=1}}}}) z", load_profile(wiki))
        assert (page.text, len(page.links)) == ("x a b, z", 1), (wiki, name)


def test_wrappers_are_listed_once() -> None:
    for language, names in read_yaml("templates.yaml")["first_argument"].items():
        assert len(set(names)) == len(names), language
        assert not set(names) & set(read_yaml("templates.yaml").get(language, {})), language


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


# Keys of the table that are not languages apply to all wikis.
@pytest.mark.parametrize("wiki", sorted({wiki_of_language(key) or "simplewiki" for key in read_yaml("templates.yaml")}))
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
