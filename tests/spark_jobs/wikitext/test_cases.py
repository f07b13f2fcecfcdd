"""Runs the tables of cases in `cases/*.txt`.

A block:

    ### name of the case
    wiki: jawiki
    [[理論物理学|理論]]の
    --- text
    理論の
    --- links
    理論 -> 理論物理学

Links are listed one per line, as `describe` writes them. `--- links` may be left out if there are none.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Extraction, Link, extract

CASES = Path(__file__).parent / "cases"


class Case(NamedTuple):
    name: str
    wiki: str
    wikitext: str
    text: str
    links: list[str]


def parse(path: Path) -> list[Case]:
    cases = []
    for block in path.read_text(encoding="utf-8").split("\n### ")[1:]:
        head, wiki, body = block.split("\n", 2)
        source, _, rest = body.partition("\n--- text")
        text, _, links = rest.partition("\n--- links")
        assert wiki.startswith("wiki: "), f"{path.name}: {head}: the second line must name the wiki"
        cases.append(Case(head.strip(), wiki[6:].strip(), source, text.strip("\n"), links.strip().splitlines()))
    return cases


def describe(link: Link, page: Extraction) -> str:
    where = f"{link.wiki}:{link.target}" if link.wiki else link.target
    fragment = f"#{link.fragment}" if link.fragment is not None else ""
    kind = " (template)" if link.kind == "template" else ""
    names = "".join(f" {code}={title}" for code, title in sorted(link.names.items()))
    return f"{page.text[link.start : link.end]} -> {where}{fragment}{kind}{names}"


ALL = [(path.stem, case) for path in sorted(CASES.glob("*.txt")) for case in parse(path)]


def test_there_are_cases_in_enough_languages():
    assert len(ALL) >= 400
    assert len({case.wiki for _, case in ALL}) >= 40


def test_names_of_cases_are_unique():
    names = [f"{group}: {case.name}" for group, case in ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{group}: {case.name}") for group, case in ALL])
def test_case(case: Case):
    page = extract(case.wikitext, load_profile(case.wiki))
    assert page.text == case.text
    assert [describe(link, page) for link in page.links] == case.links
