"""Redirect pages, in the keywords of each wiki."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Redirect, parse_redirect


@pytest.mark.parametrize(
    ("wiki", "wikitext"),
    [
        ("enwiki", "Text #REDIRECT [[x]]"),
        ("enwiki", "#REDIRECT x"),
        ("enwiki", "#REDIRECT [[a{b]]"),
        ("enwiki", "#転送 [[x]]"),
        ("enwiki", "#REDIRECT [[:de:x]]"),
        ("enwiki", "#REDIRECT [[#x]]"),
        ("enwiki", ""),
    ],
)
def test_a_page_without_a_redirect_gives_none(wiki, wikitext):
    assert parse_redirect(wikitext, load_profile(wiki)) is None


@pytest.mark.parametrize(
    ("wiki", "wikitext", "redirect"),
    [
        ("enwiki", "#REDIRECT [[apple]]", Redirect("Apple")),
        ("enwiki", "\n #redirect: [[Foo_bar#a b|label]] rest", Redirect("Foo bar", "a b")),
        ("enwiki", "#REDIRECT[[:Category:Foo]]", Redirect("Category:Foo")),
        ("jawiki", "#転送 [[東京]]", Redirect("東京")),
        ("jawiki", "＃リダイレクト[[東京#歴史]]", Redirect("東京", "歴史")),
        ("dewiki", "#WEITERLEITUNG [[Haus]]", Redirect("Haus")),
        ("ruwiki", "#перенаправление [[Кот]]", Redirect("Кот")),
        ("elwiki", "#ΑΝΑΚΑΤΕΥΘΥΝΣΗ [[Γάτα]]", Redirect("Γάτα")),
        ("zhwiki", "#重定向 [[猫]]", Redirect("猫")),
    ],
)
def test_a_redirect_is_read_in_the_words_of_the_wiki(wiki, wikitext, redirect):
    assert parse_redirect(wikitext, load_profile(wiki)) == redirect
