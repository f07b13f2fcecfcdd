"""The published configuration of a wiki as plain values."""

from spark_jobs.wikis.siteinfo import classify_magic_words

from ..dumps.siteinfo_response import WORDS


def test_words_are_sorted_by_their_kind() -> None:
    words = classify_magic_words(dict(WORDS))
    assert words.redirect == ("#туда", "#REDIRECT")
    assert words.switches == ("__ОГЛ__", "__НОВОЕ__")
    assert words.settings == {"СОРТ", "DEFAULTSORT"}
    assert words.functions == {"мелко": "lc", "lc": "lc"}
    assert words.variables == {"ИМЯ"}
