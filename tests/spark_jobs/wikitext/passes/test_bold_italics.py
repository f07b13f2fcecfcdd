"""Runs of apostrophes, line by line."""

import pytest

from spark_jobs.wikitext.page_state import TAG_CLOSE, TAG_OPEN
from spark_jobs.wikitext.passes.bold_italics import drop_bold_italics, drop_bold_italics_of_line


@pytest.mark.parametrize(
    ("line", "text"),
    [
        # unclosed
        ("a ''b", "a b"),
        ("a '''b", "a b"),
        # one apostrophe is text; of four, one is; of more than five, all but five are
        ("it's", "it's"),
        ("a ''''b'''' c", "a 'b' c"),
        ("a ''''''b'' c", "a 'b c"),
        ("a '''''''b'' c", "a ''b c"),
        ("a '''''b''''' c", "a b c"),
        # bold and italics both open: a bold run after a one-letter word is an apostrophe
        ("xy'''b c'''d e '''f ''g", "xyb c'd e f g"),
        # else the first after a longer word; a letter outside ASCII counts as longer
        ("a '''b xy'''c '''d ''e", "a b xy'c d e"),
        ("xy'''a é'''b c '''d ''e", "xy'a éb c d e"),
        # else the first after a space
        ("a '''b ''c", "a 'b c"),
        ("a '''b '''c '''d ''e", "a 'b c d e"),
    ],
)
def test_apostrophes_that_are_text_stay(line: str, text: str) -> None:
    assert drop_bold_italics_of_line(line) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("* ''a''", f"* {TAG_OPEN}a{TAG_CLOSE}"),
        ("; '''a''': b", f"; {TAG_OPEN}a{TAG_CLOSE}: b"),
        ("'''''a'' b'''", f"{TAG_OPEN}{TAG_OPEN}a{TAG_CLOSE} b{TAG_CLOSE}"),
        ("# ''a", f"# {TAG_OPEN}a"),
    ],
)
def test_tag_marks_replace_the_apostrophes_of_list_items(line: str, text: str) -> None:
    assert drop_bold_italics_of_line(line) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("a\nb's", "a\nb's"),
        ("a ''b\nc'' d", "a b\nc d"),
        ("a\n\nb '''c'''\n", "a\n\nb c\n"),
        ("''a''", f"{TAG_OPEN}a{TAG_CLOSE}"),
    ],
)
def test_a_run_reaches_to_the_end_of_its_line(source: str, text: str) -> None:
    assert drop_bold_italics(source) == text
