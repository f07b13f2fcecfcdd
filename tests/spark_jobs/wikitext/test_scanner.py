"""Contract of `extract` for every page: spans, purity, linear time, options."""

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Extraction, extract

PIECES = [
    *[
        "[[",
        "]]",
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{|",
        "|}",
        "\n{|",
        "\n|}",
        "\n|-",
        "-{",
        "}-",
        "|",
        "=",
        "''",
        "'''",
        "'''''",
        "\n",
        "\n\n",
    ],
    *[
        "==",
        "\n== ",
        " ==\n",
        "*",
        "\n*",
        "\n#",
        "\n;",
        ":",
        "\n:",
        "<ref>",
        "</ref>",
        "<ref name=x/>",
        "<ref",
        ">",
        "<",
        "/>",
        "<!--",
        "-->",
    ],
    *[
        "<nowiki>",
        "</nowiki>",
        "<pre>",
        "</pre>",
        "<math>",
        "</math>",
        "<br>",
        "<table>",
        "</table>",
        "<ruby>",
        "<rt>",
        "</rt>",
        "</ruby>",
    ],
    *[
        "File:",
        "Category:",
        ":en:",
        "en:",
        "#",
        "zh-cn:",
        ";",
        "&amp;",
        "&#91;",
        "&#2;",
        "__NOTOC__",
        "http://a",
        "[http://a b",
        "]",
        "[",
    ],
    *[
        "lang|fr|",
        "ill|a|en|b",
        "!",
        "a",
        "b",
        " ",
        "\t",
        "é",
        "猫",
        "🦇",
        "\x00",
        "\x02",
        "\x03",
        "\x05",
        "\x0b",
        "\x0e0",
        "\x12",
        "\x1a0\x1b",
        "\r\n",
    ],
]


def check_contract(page: Extraction) -> None:
    """Check the contract of an extraction."""
    last = 0
    for link in page.links:
        assert last <= link.start < link.end <= len(page.text)
        assert page.text[link.start : link.end].strip()
        last = link.end
    for section in page.sections:
        assert 0 <= section.start <= section.end <= len(page.text)
        assert 1 <= section.level <= 6
    assert page.text == page.text.strip()
    assert not any(character < " " and character not in "\n\t" for character in page.text)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.sampled_from(["enwiki", "zhwiki", "iswiki"]))
def test_mixtures_of_markup_fulfil_the_contract(wikitext, wiki):
    check_contract(extract(wikitext, load_profile(wiki)))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_fulfils_the_contract(wikitext):
    check_contract(extract(wikitext, load_profile("jawiki")))


UNITS = [
    *[
        "[[",
        "{{",
        "<ref",
        "<ref>",
        "'''''",
        "{|",
        "\n{|",
        "-{",
        "[[a|",
        "{{a|",
        "{{{a|",
        "[[File:a|",
        "[[File:a|[[b]]",
        "]]",
        "}}",
        "\n|}",
    ],
    *[
        "<!--",
        "<nowiki>",
        "<ruby><rt>",
        "<table>",
        "[http://a ",
        "[http://a[",
        "\n=a=",
        "=>zh-cn:",
        "= ",
        "\n;a:",
        "&",
        "(",
        "({{x}}",
    ],
    *['<ref name="', "-{zh-cn:a;", "<div ", "[[a\n", "__", "{{lang|en|", "<!-- -->\n", "[[File:a|\n\n", "\n \n"],
]


PAIRS = [
    ("[[", "]]"),
    ("{{", "}}"),
    ("{{{", "}}}"),
    ("{{{a|", "}}}"),
    ("-{", "}-"),
    ("\n{|", "\n|}"),
    ("{{lang|en|", "}}"),
    ("[[File:a|", "]]"),
]


HOSTILE = {unit: (unit, "") for unit in UNITS} | {f"{left}…{right}": (left, right) for left, right in PAIRS}


def cpu_seconds(left: str, right: str, size: int) -> float:
    count = size // len(left + right)
    started = time.process_time()
    check_contract(extract(left * count + "x" + right * count, load_profile("zhwiki")))
    return time.process_time() - started


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_costs_linear_time(name):
    """At this size a quadratic pass takes minutes and a linear one far less than a second."""
    assert cpu_seconds(*HOSTILE[name], size=200_000) < 3.0


def test_a_pickled_profile_gives_the_same_result():
    profile = load_profile("jawiki")
    copy = pickle.loads(pickle.dumps(profile))
    wikitext = "[[猫]]は{{仮リンク|甲|en|A}}。[[:en:b|c]]\n== 節 ==\n[[犬|x]]"
    assert copy == profile
    assert extract(wikitext, copy) == extract(wikitext, profile)


def test_unpickled_profiles_are_one_object_so_that_caches_find_them_fast():
    profile = load_profile("jawiki").with_template_redirects({"a": "b"})
    pickled = pickle.dumps(profile)
    assert pickle.loads(pickled) == profile
    assert pickle.loads(pickled) is pickle.loads(pickled)
    assert pickle.loads(pickled) != load_profile("jawiki")


def test_counters_of_dropped_markup():
    page = extract("<ref>a</ref>{{x}}[[File:a.jpg]][[Category:b]]\n{|\n|}\n[[c]]", load_profile("enwiki"))
    wanted = {"tag_ref": 1, "templates_dropped": 1, "files": 1, "categories": 1, "tables": 1, "links_internal": 1}
    assert wanted.items() <= page.counters.items()
