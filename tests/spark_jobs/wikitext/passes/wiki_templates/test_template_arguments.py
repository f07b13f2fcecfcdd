"""Arguments of a call: split at pipes, named or numbered."""

import pytest

from spark_jobs.wikitext.page_state import DROPPED
from spark_jobs.wikitext.passes.wiki_templates.template_arguments import parse_arguments, split_arguments


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", [""]),
        ("a|b||c", ["a", "b", "", "c"]),
        ("a|[[b|c]]|d", ["a", "[[b|c]]", "d"]),
        ("a|[[b|[[c|d]]|e]]|f", ["a", "[[b|[[c|d]]|e]]", "f"]),
        ("a|]]b|[[c|d]]", ["a", "]]b", "[[c|d]]"]),
        ("a|[[b|c", ["a", "[[b", "c"]),
    ],
)
def test_pipes_separate_except_inside_closed_links(content: str, parts: list[str]) -> None:
    assert split_arguments(content) == parts


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        ("x", {}),
        ("x|", {"1": ""}),
        ("x| a || b\n", {"1": "a", "2": "", "3": "b"}),
        ("x| a = b = c |d", {"a": "b = c", "1": "d"}),
        ("x|a|1=b", {"1": "b"}),
        ("x|[[a=b]]|[[a|b=c]]", {"1": "[[a=b]]", "2": "[[a|b=c]]"}),
        ("x|=a", {"": "a"}),
        (f"x|{DROPPED} \n|{DROPPED}a{DROPPED}b", {"1": "", "2": f"a{DROPPED}b"}),
    ],
)
def test_arguments_have_their_name_or_their_position(content: str, arguments: dict[str, str]) -> None:
    assert parse_arguments(content) == arguments
