"""The published configuration of a wiki as plain values."""

import pytest

from spark_jobs.wikis.siteinfo import classify_magic_words

from ..dumps.siteinfo_response import WORDS


def test_words_are_sorted_by_their_kind() -> None:
    words = classify_magic_words(dict(WORDS))
    assert words.redirect == ("#туда", "#REDIRECT")
    assert words.switches == ("__ОГЛ__", "__НОВОЕ__")
    assert words.settings == {"СОРТ", "DEFAULTSORT"}
    assert words.functions == {"мелко": "lc", "lc": "lc"}
    assert words.variables == {"ИМЯ"}


@pytest.mark.parametrize(
    ("words", "part", "value"),
    [
        ({}, "redirect", ("#REDIRECT",)),
        ({"redirect": ["#REDIRECT", "#転送", "#転送"]}, "redirect", ("#REDIRECT", "#転送")),
        ({"toc": ["__A__", "__A__"], "x": ["＿＿目次＿＿"]}, "switches", ("__A__", "＿＿目次＿＿")),
        ({"toc": ["____", "__A", "A__", "_A_"]}, "switches", ()),
        (
            {"defaultsort": ["SORT:", "並："], "displaytitle": ["TITLE"], "sort": ["X:"]},
            "settings",
            frozenset(["SORT", "並", "TITLE"]),
        ),
        (
            {"lc": ["LC:"], "formatnum": ["Format Num："], "padleft": ["PADLEFT:"]},
            "functions",
            {"lc": "lc", "format_num": "formatnum"},
        ),
        (
            {"fullpagename": ["A"], "currentday": ["B"], "localtime": ["C"], "localurl": ["D"], "page": ["E"]},
            "variables",
            {*"ABC"},
        ),
    ],
)
def test_magic_words_are_grouped_by_their_effect(words: dict[str, list[str]], part: str, value: object) -> None:
    assert getattr(classify_magic_words(words), part) == value
