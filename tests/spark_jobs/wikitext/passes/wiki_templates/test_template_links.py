"""Templates that make a link."""

import pytest

from spark_jobs.wikis.template_rules import LinkTemplate
from spark_jobs.wikitext.page_state import DROPPED, NO_TRAIL, PIPE, TEMPLATE_LINK, LinkTarget
from spark_jobs.wikitext.passes.wiki_templates.template_links import mark_template_link, strip_link_markup

from ...page_states import new_page

RULE = LinkTemplate(label="{3|1}", target="{1}", titles=(("{2}", "{4|1}"), ("{5}", "{6}")))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a", "a"),
        ("[[a", "a"),
        ("[a] b]]", "a b"),
        ("[[a]] [[b|c]] d", "a c d"),
        ("''a'' '''b'''", "a 'b'"),
        (f"{TEMPLATE_LINK}12{PIPE}a{NO_TRAIL}", "a"),
    ],
)
def test_markup_of_links_is_stripped(text: str, plain: str) -> None:
    assert strip_link_markup(text) == plain


@pytest.mark.parametrize(
    ("content", "text"),
    [("ill", DROPPED), ("ill||de| |", DROPPED), ("ill|a{b|de|c", "c"), ("ill|:fr:a|de|c", "c")],
)
def test_without_a_label_or_a_target_in_this_wiki_there_is_no_link(content: str, text: str) -> None:
    page = new_page()
    assert mark_template_link(RULE, content, page) == text
    assert page.template_links == []


@pytest.mark.parametrize(
    ("content", "label", "names"),
    [
        ("ill|a b", "a b", {}),
        ("ill|a b|de", "a b", {"de": "A b"}),
        ("ill|a b|de|c|haus|fr|[[maison]]", "c", {"de": "Haus", "fr": "Maison"}),
        ("ill|a b|de|c|haus|de|d", "c", {"de": "Haus"}),
        ("ill|a b|en|c", "c", {}),
        ("ill|a b|xx-none|c", "c", {}),
        ("ill|a b|de|c|haus#d", "c", {}),
        ("ill|a b|de|c|:fr:d", "c", {}),
    ],
)
def test_a_link_carries_the_titles_on_other_wikis(content: str, label: str, names: dict[str, str]) -> None:
    page = new_page()
    page.template_links.append(LinkTarget("template", None, "Before", None, {}))
    assert mark_template_link(RULE, content, page) == f"[[{TEMPLATE_LINK}1{PIPE}{label}]]{NO_TRAIL}"
    assert page.template_links[1:] == [LinkTarget("template", None, "A b", None, names)]
