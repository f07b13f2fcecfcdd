"""Character references are decoded once; forbidden and unknown ones stay."""

import pytest

from spark_jobs.wikitext.page_state import TAG_OPEN
from spark_jobs.wikitext.passes.character_references import decode_character_references


@pytest.mark.parametrize(
    "reference",
    [
        "&",
        "&amp",
        "&nosuch;",
        "&#;",
        "&#x;",
        "&#0;",
        "&#2;",
        "&#127;",
        "&#xD800;",
        "&#xFFFE;",
        "&#x110000;",
        "&#12345678;",
        "& amp;",
    ],
)
def test_a_reference_without_an_allowed_character_stays(reference: str) -> None:
    assert decode_character_references(f"a{reference}b") == f"a{reference}b"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("&amp;lt;", "&lt;"),
        ("&eacute;&nbsp;&Eacute;", "é\u00a0É"),
        ("&#65;&#00065;&#x41;&#X041;", "AAAA"),
        ("&#x1F987;", "🦇"),
        ("a&#9;b&#10;c&#13;d", "a b c d"),
        ("&רלמ;&رلم;", "\u200f\u200f"),
        ("&#42; a &#x3a;", f"{TAG_OPEN}* a {TAG_OPEN}:"),
    ],
)
def test_a_reference_becomes_its_character(source: str, text: str) -> None:
    assert decode_character_references(source) == text
