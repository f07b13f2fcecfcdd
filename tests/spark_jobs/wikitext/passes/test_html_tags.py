"""HTML tags. The marks ‹, › and ¶ of the cases become `TAG_OPEN`, `TAG_CLOSE` and `BREAK`."""

import pytest

from spark_jobs.wikitext.page_state import BREAK, TAG_CLOSE, TAG_OPEN
from spark_jobs.wikitext.passes.html_tags import drop_tags


@pytest.mark.parametrize(
    "source", ["a < b > c", "<foo>a</foo>", "< b>a", "<b", "<bx>", "<includeonly>", "<nowiki>", "</poem>", "<meta name=a>"]
)
def test_text_that_is_not_an_allowed_tag_stays(source: str) -> None:
    assert drop_tags(source) == source


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<b>a</b>", "‹a›"),
        ("<SPAN class='x\ny'>a</span >", "‹a›"),
        ("a<br>b<br/>c</br>d", "a¶‹b¶c¶›d"),
        ("<div>a</div>", "¶‹a¶›"),
        ("a<ref>b</references>c", "a‹b›c"),
        ('a<meta itemprop="x" content="y">b', "a‹b"),
        ("<ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby>", "‹東京›"),
        ("<ruby>東<rt>とう京<rt>きょう</ruby>", "‹東›"),
    ],
)
def test_an_allowed_tag_becomes_a_mark(source: str, text: str) -> None:
    assert drop_tags(source) == text.replace("‹", TAG_OPEN).replace("›", TAG_CLOSE).replace("¶", BREAK)
