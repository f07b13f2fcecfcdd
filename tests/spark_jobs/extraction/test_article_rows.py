import doctest
from collections import Counter

import pytest

import spark_jobs.extraction.unit_extraction
from spark_jobs.common.storage import Location
from spark_jobs.dumps.page_cutting import Page, PageError
from spark_jobs.extraction.unit_extraction import ExtractJob, article_of
from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Budget, Options, WikitextError

JOB = ExtractJob(load_profile("jawiki"), "https://ja.wikipedia.org/wiki/メインページ", "FAILFAST", Options(), Location.of("/tmp"))


def page(text: str, redirect: str | None = None, model: str = "wikitext") -> Page:
    return Page(1, 0, "犬 A&B?", redirect, 10, None, model, text)


def test_the_worked_example_holds() -> None:
    assert doctest.testmod(spark_jobs.extraction.unit_extraction).failed == 0


@pytest.mark.parametrize(
    ("text", "redirect", "target"),
    [
        ("#REDIRECT [[猫]]", "猫", ("猫", None)),
        ("#転送 [[猫#毛]]", "猫", ("猫", "毛")),
        ("#転送 [[猫#毛]]", None, ("猫", "毛")),
        ("#転送 [[猫 #毛]]", "猫#毛", ("猫", "毛")),
        # the page's own words disagree with what MediaWiki resolved: MediaWiki wins, and the fragment was not meant for it
        ("#転送 [[猫#毛]]", "虎", ("虎", None)),
        # a page of another wiki is not the page of that name here
        ("#転送 [[:en:Cat]]", "en:Cat", ("en:Cat", None)),
        ("本文", "猫", ("猫", None)),
    ],
)
def test_where_a_redirect_points(text: str, redirect: str | None, target: tuple[str, str | None]) -> None:
    row = article_of(page(text, redirect), JOB, Counter())
    assert (row.redirect_title, row.redirect_fragment) == target
    assert (row.text, row.links) == ("", ())


def test_an_article_is_a_row_with_its_address() -> None:
    counters: Counter[str] = Counter()
    row = article_of(page("[[猫]]と{{aimai}}"), JOB, counters)
    assert row.url == "https://ja.wikipedia.org/wiki/%E7%8A%AC_A%26B%3F"
    assert (row.text, row.is_disambiguation, row.redirect_title) == ("猫と", True, None)
    assert (counters["articles"], counters["links"], counters["characters"]) == (1, 1, 2)


def test_what_is_no_wikitext_or_too_much_of_it_is_refused() -> None:
    with pytest.raises(PageError, match="content model 'json' is not 'wikitext'"):
        article_of(page("{}", model="json"), JOB, Counter())
    small = ExtractJob(JOB.profile, JOB.base, JOB.mode, Options(budget=Budget(source_characters=3)), JOB.attempts)
    with pytest.raises(WikitextError):
        article_of(page("四文字だ"), small, Counter())
