import doctest
from collections import Counter

import pytest

import spark_jobs.extraction.article_rows
from spark_jobs.common.storage import Location
from spark_jobs.dumps.page_errors import PageError
from spark_jobs.dumps.page_parsing import PageRevision
from spark_jobs.extraction.article_rows import make_article
from spark_jobs.extraction.extract_job import ExtractJob
from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Budget, Options, WikitextError

JOB = ExtractJob(load_profile("jawiki"), "https://ja.wikipedia.org/wiki/メインページ", "FAILFAST", Options(), Location.of("/tmp"))


def page(text: str, redirect: str | None = None, model: str = "wikitext") -> PageRevision:
    return PageRevision(1, 0, "犬 A&B?", redirect, 10, None, model, text)


def test_the_worked_example_holds() -> None:
    assert doctest.testmod(spark_jobs.extraction.article_rows).failed == 0


@pytest.mark.parametrize(
    ("text", "redirect", "target"),
    [
        ("#REDIRECT [[猫]]", "猫", ("猫", None)),
        ("#転送 [[猫#毛]]", "猫", ("猫", "毛")),
        ("#転送 [[猫#毛]]", None, ("猫", "毛")),
        ("#転送 [[猫 #毛]]", "猫#毛", ("猫", "毛")),
        # the page's text disagrees with the title that MediaWiki resolved: that title is used, without the fragment
        ("#転送 [[猫#毛]]", "虎", ("虎", None)),
        # a page of another wiki is not the page of that name in this wiki
        ("#転送 [[:en:Cat]]", "en:Cat", ("en:Cat", None)),
        ("本文", "猫", ("猫", None)),
    ],
)
def test_the_target_of_a_redirect(text: str, redirect: str | None, target: tuple[str, str | None]) -> None:
    row = make_article(page(text, redirect), JOB, Counter())
    assert (row.redirect_title, row.redirect_fragment) == target
    assert (row.text, row.links) == ("", ())


def test_an_article_becomes_a_row_with_its_url() -> None:
    counters: Counter[str] = Counter()
    row = make_article(page("[[猫]]と{{aimai}}"), JOB, counters)
    assert row.url == "https://ja.wikipedia.org/wiki/%E7%8A%AC_A%26B%3F"
    assert (row.text, row.is_disambiguation, row.redirect_title) == ("猫と", True, None)
    assert (counters["articles"], counters["links"], counters["characters"]) == (1, 1, 2)


def test_other_content_models_and_too_much_wikitext_are_refused() -> None:
    with pytest.raises(PageError, match="content model 'json' is not 'wikitext'"):
        make_article(page("{}", model="json"), JOB, Counter())
    small = ExtractJob(JOB.profile, JOB.base, JOB.mode, Options(budget=Budget(source_characters=3)), JOB.attempts)
    with pytest.raises(WikitextError):
        make_article(page("四文字だ"), small, Counter())
