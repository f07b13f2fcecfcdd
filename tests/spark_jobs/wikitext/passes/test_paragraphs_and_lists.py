"""Lines to paragraphs, list items and headings. The marks ‹, ›, ¶ and ◌ become those of headings, breaks and dropped markup."""

import pytest

from spark_jobs.wikitext.page_state import BREAK, DROPPED, HEADING_CLOSE, HEADING_OPEN, LINK_CLOSE, LINK_OPEN
from spark_jobs.wikitext.passes.paragraphs_and_lists import lay_out_lines

MARKS = str.maketrans({"‹": HEADING_OPEN, "›": HEADING_CLOSE, "¶": BREAK, "◌": DROPPED, "«": LINK_OPEN, "»": LINK_CLOSE})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("\n \n\t\n", ""),
        ("----", ""),
        ("*\n#", ""),
        ("◌\n◌ ◌", ""),
        # paragraphs
        ("a\nb", "a b"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\n◌\nb", "a b"),
        ("a\n----\nb", "a\n\nb"),
        ("a\n-----b", "a\n\nb"),
        ("a  \u00a0\tb", "a b"),
        ("a¶ ¶\n¶b", "a\nb"),
        ("a\n¶b", "a\nb"),
        # list items and preformatted lines
        ("a\n* b\n*# c\nd", "a\n\nb\nc\nd"),
        ("◌* a\n◌◌b", "a\nb"),
        (" a\n b", "a\nb"),
        ("; a : b\n; c", "a\nb\nc"),
        (";; a : b : c : d", "a\nb\nc : d"),
        (": a : b", "a : b"),
        ("; http://a.org : b", "http://a.org\nb"),
        ("; «a:b» : c", "«a:b»\nc"),
        # headings
        ("a\n‹ b ›\nc", "a\n\n‹b›\nc"),
        ("‹a›\n* b\n‹c›", "‹a›\nb\n\n‹c›"),
    ],
)
def test_lines_are_laid_out_as_a_browser_shows_them(source: str, text: str) -> None:
    assert lay_out_lines(source.translate(MARKS)) == text.translate(MARKS)
