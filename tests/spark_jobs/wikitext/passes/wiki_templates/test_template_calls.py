"""What holds for whole classes of templates; single ones are in `cases/templates*.txt`."""

import re

import pytest

from spark_jobs.wikis import load_profile, wiki_of_language
from spark_jobs.wikis.packaged_data import read_yaml
from spark_jobs.wikitext import extract
from spark_jobs.wikitext.passes.wiki_templates.parser_functions import FUNCTIONS, SILENT_FUNCTIONS, VARIABLES

WRAPPERS = [
    (wiki_of_language(language) if language != "shared" else "simplewiki", name)
    for language, names in read_yaml("templates.yaml")["first_argument"].items()
    for name in names
]


@pytest.mark.parametrize("wiki", sorted({wiki for wiki, _ in WRAPPERS}))
def test_a_wrapper_shows_its_first_argument_and_without_one_nothing(wiki: str) -> None:
    for name in (name for of, name in WRAPPERS if of == wiki):
        page = extract(f"x {{{{{name}|a [[b]]|other|date=y}}}}, ({{{{{name}|q=1}}}}) z", load_profile(wiki))
        assert (page.text, len(page.links)) == ("x a b, z", 1), (wiki, name)


def test_no_wrapper_stands_twice_in_a_list() -> None:
    for language, names in read_yaml("templates.yaml")["first_argument"].items():
        assert len(set(names)) == len(names), language
        assert not set(names) & set(read_yaml("templates.yaml").get(language, {})), language


def filled(pattern: str) -> dict[str, str]:
    """Arguments with which every alternative of a pattern can be filled."""
    values = {}
    for keys in re.findall(r"\{([^{}]+)\}", pattern):
        for key in [keys] if keys.startswith("*") else keys.split("|"):
            name, _, words = key.partition(":")
            if not key.startswith("="):
                values["1" if key.startswith("*") else name] = words.split(",")[0] or "v"
    return values


def call(name: str, values: dict[str, str]) -> str:
    return "{{" + "|".join([name, *(f"{key}={value}" for key, value in values.items())]) + "}}"


# The keys of the table that are no language are for all wikis.
@pytest.mark.parametrize("wiki", sorted({wiki_of_language(key) or "simplewiki" for key in read_yaml("templates.yaml")}))
def test_every_rule_of_a_wiki_leaves_something_when_its_arguments_are_there(wiki: str) -> None:
    profile = load_profile(wiki)
    for name, pattern in profile.templates.items():
        text = extract(f"x{call(name, filled(pattern))}x", profile).text
        assert text.replace(" ", "") != "xx" or not pattern.strip(), (wiki, name)
    for name, rule in profile.link_templates.items():
        values = filled(rule.label) | filled(rule.target) | filled(" ".join(part for pair in rule.titles for part in pair))
        foreign = "de" if profile.language == "en" else "en"
        for language, _ in rule.titles:
            values |= dict.fromkeys(filled(language), foreign)
        links = extract(call(name, values), profile).links
        assert [link.kind for link in links] == ["template"], (wiki, name)
        assert links[0].names, (wiki, name)


@pytest.mark.parametrize("word", sorted(SILENT_FUNCTIONS))
def test_a_function_that_leaves_no_text_is_no_template(word: str) -> None:
    page = extract(f"a{{{{{word}:x|y}}}}b{{{{{word.upper()}: x}}}}", load_profile("enwiki"))
    assert (page.text, page.templates) == ("ab", ())


@pytest.mark.parametrize("word", ["PAGENAME", "FULLPAGENAMEE", "CURRENTYEAR", "PAGENAME:x"])
def test_a_variable_is_no_template(word: str) -> None:
    assert word.partition(":")[0] in VARIABLES
    page = extract(f"a{{{{{word}}}}}b", load_profile("enwiki"))
    assert (page.text, page.templates) == ("ab", ())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("{{lc:ABC}}", "abc"),
        ("{{LC: A B }}", "a b"),
        ("{{Lc :ABC}}", "abc"),
        ("{{uc: {{lc:AbC}}}}", "ABC"),
        ("{{safesubst:lc:ABC}}", "abc"),
        ("{{lc:A|B}}", "a"),
        ("{{lc:A_B  C}}", "a_b c"),
        ("{{ucfirst:a [[b|C]] d|e}}", "A C d"),
        ("{{safesubst: uc: msg:x}}", "MSG:X"),
        ("{{#lc:ABC}}", ""),
        ("{{lc}}", ""),
    ],
)
def test_a_function_of_case_is_applied(call: str, text: str) -> None:
    assert extract(call, load_profile("enwiki")).text == text


def test_a_word_of_substitution_inside_a_name_is_part_of_it() -> None:
    page = extract("{{WWE Raw: Test}}{{msg:Foo}}{{Template:safesubst:Bar}}", load_profile("enwiki"))
    assert page.templates == ("WWE Raw: Test", "Foo", "Safesubst:Bar")


def test_every_function_in_a_languages_own_words_is_one_that_we_have() -> None:
    for row in read_yaml("magic_words.yaml"):
        wiki = wiki_of_language(row["languages"][0])
        assert set(row["words"]) <= {*FUNCTIONS, "switches"}
        for name in row["words"].keys() - {"switches"}:
            for word in row["words"][name]:
                expected = FUNCTIONS[name]("aBc")
                assert extract(f"{{{{{word}:aBc}}}}", load_profile(wiki)).text == expected, (wiki, word)


def test_behaviour_switches_in_a_languages_own_words_leave_nothing() -> None:
    for row in read_yaml("magic_words.yaml"):
        for word in row["words"].get("switches", ()):
            assert extract(f"a{word}b", load_profile(wiki_of_language(row["languages"][0]))).text == "ab", word
