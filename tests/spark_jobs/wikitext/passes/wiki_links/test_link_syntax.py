"""The patterns of one wiki."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext.page_state import HEADING_OPEN, LINK_OPEN
from spark_jobs.wikitext.passes.wiki_links.link_syntax import compile_link_syntax


@pytest.mark.parametrize(
    ("wiki", "source", "start"),
    [
        ("enwiki", "[[a:b", None),
        ("enwiki", "[[Filer:a", None),
        ("enwiki", "[[:File:a", None),
        ("enwiki", "[[Datei:a", None),
        ("enwiki", "x[[ _fILE _:a", "[[ _fILE _:"),
        ("dewiki", "[[Datei:a", "[[Datei:"),
        ("dewiki", "[[File:a", "[[File:"),
    ],
)
def test_a_file_begins_with_a_name_of_its_namespace(wiki: str, source: str, start: str | None) -> None:
    found = compile_link_syntax(load_profile(wiki)).file_start.search(source)
    assert (found and found[0]) == start


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("[[a", None),
        ("[[]]", None),
        ("[[a{b]]", None),
        (f"[[a|b{HEADING_OPEN}c]]", None),
        ("[[a]]", ("", "a", None, None, "")),
        ("[[a]]bs c", ("", "a", None, None, "bs")),
        ("[[a|b [c] d]]", ("", "a", "b [c] d", "", "")),
        ("[[a|b]]]c", ("", "a", "b", "]", "c")),
        ("[[[[a]]", ("[[", "a", None, None, "")),
    ],
)
def test_a_link_is_matched_with_its_trail(source: str, parts: tuple[str | None, ...] | None) -> None:
    found = compile_link_syntax(load_profile("enwiki")).link.search(source)
    assert (found and found.groups()) == parts


def test_only_some_wikis_join_the_letters_before_a_link() -> None:
    assert compile_link_syntax(load_profile("enwiki")).prefix is None
    prefix = compile_link_syntax(load_profile("arwiki")).prefix
    assert prefix is not None
    assert prefix.sub(rf"{LINK_OPEN}\1", f"x وال{LINK_OPEN}a") == f"x {LINK_OPEN}والa"
