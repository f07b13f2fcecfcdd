"""External links: their label, or a number. The marks ‹ and › of the cases become `TAG_OPEN` and `TAG_CLOSE`."""

import pytest

from spark_jobs.wikitext.page_state import TAG_CLOSE, TAG_OPEN
from spark_jobs.wikitext.passes.external_links import drop_external_links


@pytest.mark.parametrize(
    "source",
    ["", "[a]", "[http://]", "[http://a.org", "[http://a.org b\nc]", "[gopherx://a b]", "[ http://a.org b]", "http://a.org]"],
)
def test_brackets_that_are_not_a_link_stay(source: str) -> None:
    assert drop_external_links(source) == source


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a [http://a.org b c] d", "a ‹b c› d"),
        ("[//a.org b][mailto:a@b.org c]", "‹b›‹c›"),
        ("[HTTPS://A.ORG/x?y=1#z  b]", "‹b›"),
        ("[http://[2001:db8::1]/ b]", "‹b›"),
        ("[http://a.org]\n[http://b.org c]\n[http://d.org ]", "[1]\n‹c›\n[2]"),
    ],
)
def test_a_link_becomes_its_label_or_its_number_in_the_page(source: str, text: str) -> None:
    assert drop_external_links(source) == text.replace("‹", TAG_OPEN).replace("›", TAG_CLOSE)
