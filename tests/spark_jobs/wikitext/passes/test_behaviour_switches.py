"""Behaviour switches in the words of each language."""

from spark_jobs.wikis import load_profile, wiki_of_language
from spark_jobs.wikis.packaged_data import read_yaml
from spark_jobs.wikitext import extract


def test_behaviour_switches_in_the_words_of_a_language_leave_nothing() -> None:
    for row in read_yaml("magic_words.yaml"):
        for word in row["words"].get("switches", ()):
            assert extract(f"a{word}b", load_profile(wiki_of_language(row["languages"][0]))).text == "ab", word
