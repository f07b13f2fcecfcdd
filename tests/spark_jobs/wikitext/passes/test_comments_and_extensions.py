"""Comments and extension tags."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Options, extract
from spark_jobs.wikitext.page_state import BREAK, DROPPED, TAG_OPEN
from spark_jobs.wikitext.passes.comments_and_extensions import clean_source, strip_comments_and_extensions

from ..page_states import new_page


def test_formulas_can_be_kept_as_latex():
    page = extract("x <math>a^2\n+ b</math> y", load_profile("enwiki"), Options(math="latex"))
    assert page.text == "x $a^2 + b$ y"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("a\x00b\x02c\x1ad\x7fe\ufffef", "abcdef"),
        ("a\tb\u00a0\u0085🦇", "a\tb\u00a0\u0085🦇"),
    ],
)
def test_the_source_loses_control_characters(source: str, text: str) -> None:
    assert clean_source(source) == text


@pytest.mark.parametrize(
    ("source", "text", "counters"),
    [
        # without an end
        ("a <ref>b", "a <ref>b", {}),
        ("a <ref", "a <ref", {}),
        ("a</ref>b", "a</ref>b", {}),
        ("a<!-- b", "a", {"comments": 1}),
        ("a<includeonly>b", "a", {"tag_includeonly": 1}),
        # a comment alone on its line is removed with the line
        ("a\n <!-- x --> <!-- y -->\nb", "a\nb", {"comments": 1}),
        ("a <!-- x -->\nb", "a \nb", {"comments": 1}),
        ("{<!-- x -->{", f"{{{TAG_OPEN}{{", {"comments": 1}),
        # dropped
        ('a<ref name="x>y">b</ref>c', f"a{DROPPED}c", {"tag_ref": 1}),
        ("a<REF name=x/>b", f"a{DROPPED}b", {"tag_ref": 1}),
        ("a<references />", f"a{DROPPED}", {"tag_references": 1}),
        ("a<math>x</math>b", f"a{DROPPED}b", {"tag_math": 1}),
        ("a<noinclude>b</noinclude><onlyinclude />c", "abc", {}),
        ("<reference>a</reference>", "<reference>a</reference>", {}),
        ("<poem>\na\nb\n</poem>", f"{BREAK}a{BREAK}b{BREAK}", {"tag_poem": 1}),
    ],
)
def test_comments_and_tags_are_dropped_and_counted(source: str, text: str, counters: dict[str, int]) -> None:
    page = new_page()
    assert (strip_comments_and_extensions(source, page), page.counters) == (text, counters)


@pytest.mark.parametrize(
    ("source", "protected"),
    [
        ("<nowiki/>", ""),
        ("<nowiki>''a'' &lt;</nowiki>", "''a'' <"),
        ("<pre>\n<nowiki>[[a]]</nowiki>\n\n</pre>", "\n[[a]]\n"),
        ("<syntaxhighlight lang=c>&lt;</syntaxhighlight>", "\n&lt;\n"),
        ("<source>\n[[a]]\n</source>", "\n[[a]]\n"),
    ],
)
def test_literal_content_is_protected(source: str, protected: str) -> None:
    page = new_page()
    assert strip_comments_and_extensions(f"x{source}y", page) == "x\x1a0\x1by"
    assert page.protected == [protected]


def test_an_empty_formula_is_dropped_even_if_formulas_are_kept() -> None:
    page = new_page()
    assert strip_comments_and_extensions("<math></math><chem>H2\n O</chem>", page, keep_math=True) == f"{DROPPED}\x1a0\x1b"
    assert page.protected == ["$H2 O$"]
