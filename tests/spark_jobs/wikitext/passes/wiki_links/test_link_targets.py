"""Targets: where a link leads, the text without a label, and the counter of a link that is not shown."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext.page_state import DROPPED, LinkTarget
from spark_jobs.wikitext.passes.wiki_links.link_targets import resolve_target


@pytest.mark.parametrize(
    ("raw", "shown", "counter"),
    [
        ("a[b", "a[b", "links_literal"),
        ("http://a.org", "http://a.org", "links_literal"),
        (" //a.org", " //a.org", "links_literal"),
        (f"a{DROPPED}", "", "links_as_text"),
        ("Media:a.ogg", "Media:a.ogg", "links_as_text"),
        ("category:a", "category:a", "categories"),
        ("File:a.jpg", "File:a.jpg", "files"),
        ("de:Haus", "de:Haus", "language_links"),
    ],
)
def test_a_target_that_is_not_a_link_has_a_counter(raw: str, shown: str, counter: str) -> None:
    assert resolve_target(raw, load_profile("enwiki")) == (shown, None, counter)


@pytest.mark.parametrize(
    ("raw", "shown", "target"),
    [
        ("a", "a", LinkTarget("internal", None, "A", None, {})),
        (" a_b ", "a_b", LinkTarget("internal", None, "A b", None, {})),
        ("a%20b", "a b", LinkTarget("internal", None, "A b", None, {})),
        ("a#b", "a#b", LinkTarget("internal", None, "A", "b", {})),
        ("#b", "#b", LinkTarget("internal", None, "", "b", {})),
        ("a''b", "a&#39;&#39;b", LinkTarget("internal", None, "A''b", None, {})),
        (":category:a", "category:a", LinkTarget("internal", None, "Category:A", None, {})),
        (":de:haus", "de:haus", LinkTarget("interwiki", "dewiki", "Haus", None, {"de": "Haus"})),
        (":de:haus#b", "de:haus#b", LinkTarget("interwiki", "dewiki", "Haus", "b", {})),
        (":de:", "de:", LinkTarget("interwiki", "dewiki", "", None, {})),
    ],
)
def test_a_target_is_resolved_to_a_title(raw: str, shown: str, target: LinkTarget) -> None:
    assert resolve_target(raw, load_profile("enwiki")) == (shown, target, "")
