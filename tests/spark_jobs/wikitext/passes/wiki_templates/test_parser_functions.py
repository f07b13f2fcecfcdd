"""Parser functions and variables, in English and in the words of each language."""

import pytest

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis import load_profile, wiki_of_language
from spark_jobs.wikis.language_files import read_language_file
from spark_jobs.wikitext import extract
from spark_jobs.wikitext.passes.wiki_templates.parser_functions import FUNCTIONS, SILENT_FUNCTIONS, VARIABLES


@pytest.mark.parametrize("word", sorted(SILENT_FUNCTIONS))
def test_a_function_without_text_is_not_listed_as_a_template(word: str) -> None:
    page = extract(f"a{{{{{word}:x|y}}}}b{{{{{word.upper()}: x}}}}", load_profile("enwiki"))
    assert (page.text, page.templates) == ("ab", ())


@pytest.mark.parametrize("word", ["PAGENAME", "FULLPAGENAMEE", "CURRENTYEAR", "PAGENAME:x"])
def test_a_variable_is_not_listed_as_a_template(word: str) -> None:
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
def test_case_functions_are_applied(call: str, text: str) -> None:
    assert extract(call, load_profile("enwiki")).text == text


def test_functions_in_the_words_of_a_language_are_applied() -> None:
    for language in sorted(wikipedia_codes()):
        wiki, words = wiki_of_language(language), read_language_file(language).magic_words or {}
        assert set(words) <= {*FUNCTIONS, "switches"}
        for name in words.keys() - {"switches"}:
            for word in words[name]:
                expected = FUNCTIONS[name]("aBc")
                assert extract(f"{{{{{word}:aBc}}}}", load_profile(wiki)).text == expected, (wiki, word)
