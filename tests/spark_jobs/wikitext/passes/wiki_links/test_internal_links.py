"""Ordinary links are read all at once, other links one by one."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import extract


@pytest.mark.parametrize(
    ("wikitext", "text", "targets"),
    [
        ("[[a]] [[b#c|d]] [[e]] [[f|g [h]]] [[i]]", "a d e g [h] i", ["A", "B", "E", "F", "I"]),
        ("[[Category:x]][[a]]b[[:Category:x]]c [[d]]", "abCategory:xc d", ["A", "Category:X", "D"]),
        ("[[[a]] [[b]] [[[[c]]", "[a b c", ["A", "B", "C"]),
        ("[[a|b [[c]] d]] [[e]]", "[[a|b c d]] e", ["C", "E"]),
        ("[[" + "é" * 127 + "]] [[" + "é" * 128 + "]]", "é" * 127 + " [[" + "é" * 128 + "]]", ["É" + "é" * 126]),
        ("[[e\u0301a]] [[b]]", "e\u0301a b", ["Éa", "B"]),
        ("[[a  b]] [[c''d]] [[e/./f]] [[g h's|i's]]", "a b c''d [[e/./f]] i's", ["A b", "C''d", "G h's"]),
        ("[[a| b]]c[[d|''e'']]", "bce", ["A", "D"]),
    ],
)
def test_ordinary_and_other_links_keep_their_order(wikitext, text, targets):
    page = extract(wikitext, load_profile("enwiki"))
    assert (page.text, [link.target for link in page.links]) == (text, targets)
