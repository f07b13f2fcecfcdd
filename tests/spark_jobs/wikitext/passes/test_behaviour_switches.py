"""Behaviour switches in the words of each language."""

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis import load_profile, wiki_of_language
from spark_jobs.wikis.language_files import read_language_file
from spark_jobs.wikitext import extract


def test_behaviour_switches_in_the_words_of_a_language_leave_nothing() -> None:
    for language in sorted(wikipedia_codes()):
        for word in (read_language_file(language).magic_words or {}).get("switches", ()):
            assert extract(f"a{word}b", load_profile(wiki_of_language(language))).text == "ab", word
