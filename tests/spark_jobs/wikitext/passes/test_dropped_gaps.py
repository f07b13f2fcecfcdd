"""Gaps that dropped markup leaves. The mark ◌ of the cases becomes `DROPPED`."""

import pytest

from spark_jobs.wikitext.page_state import DROPPED
from spark_jobs.wikitext.passes.dropped_gaps import close_gaps


@pytest.mark.parametrize(
    ("source", "text"),
    [
        # nothing to close
        ("a () b", "a () b"),
        ("a ( ) , b", "a ( ) , b"),
        ("a◌b", "a◌b"),
        ("(a ◌b)", "(a b)"),
        # parentheses that hold only punctuation
        ("Tokyo (◌) is", "Tokyo is"),
        ("Tokyo ( ◌; ◌ ) is", "Tokyo is"),
        ("東京（◌、◌）は", "東京◌は"),
        # punctuation behind an opening parenthesis, a blank before punctuation
        ("Tokyo (◌, b)", "Tokyo (b)"),
        ("Tokyo (a ◌)", "Tokyo (a)"),
        ("a ◌, b", "a, b"),
        ("a ◌ ◌ b", "a b"),
        ("a ◌。", "a。"),
        # an opening parenthesis that does not close
        ("a (◌ b", "a (b"),
    ],
)
def test_a_gap_is_closed_with_its_punctuation(source: str, text: str) -> None:
    assert close_gaps(source.replace("◌", DROPPED)) == text.replace("◌", DROPPED)
