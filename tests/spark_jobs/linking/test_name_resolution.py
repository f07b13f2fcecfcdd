import doctest

import pytest

import spark_jobs.linking.name_resolution
from spark_jobs.linking.name_resolution import TargetNames, load_pivots, resolve_link

TARGETS = {
    "水星": TargetNames(7, (("en", "Mercury (planet)", "langlink"), ("fr", "Mercure (planète)", "langlink"))),
    "水の星": TargetNames(7, (("en", "Mercury (planet)", "redirect"),)),
    "川の一覧": TargetNames(8, (("en", "List of rivers", "langlink"),)),
    "案内": TargetNames(9, (("en", "Portal:Science", "langlink"),)),
    "名無し": TargetNames(10, ()),
}


def link(**fields):
    return {"kind": "internal", "wiki": None, "target": "", "fragment": None, "names": []} | fields


def test_doctests_pass() -> None:
    assert doctest.testmod(spark_jobs.linking.name_resolution).failed == 0


@pytest.mark.parametrize(
    ("fields", "page_id", "name"),
    [
        ({"target": "無い頁"}, None, None),
        ({"target": ""}, None, None),
        ({"target": "", "fragment": "節"}, None, None),
        ({"target": "名無し"}, 10, None),
        ({"target": "川の一覧"}, 8, None),
        ({"target": "案内"}, 9, None),
        ({"target": "水星", "fragment": "軌道"}, 7, None),
        ({"target": "水星"}, 7, ("Mercury", "langlink")),
        ({"target": "水の星"}, 7, ("Mercury", "redirect")),
        (
            {"kind": "interwiki", "wiki": "enwiki", "target": "A", "names": [{"language": "en", "title": "Venus (mythology)"}]},
            None,
            ("Venus", "link"),
        ),
        ({"kind": "interwiki", "wiki": "enwiki", "target": "Venus", "fragment": "Orbit"}, None, None),
        ({"kind": "interwiki", "wiki": "frwiki", "target": "Vénus"}, None, None),
        # a title of another wiki is not looked up among the titles of this wiki
        ({"kind": "interwiki", "wiki": "frwiki", "target": "水星"}, None, None),
        ({"kind": "template", "target": "金星", "names": [{"language": "en", "title": "Venus"}]}, None, ("Venus", "link")),
        ({"kind": "template", "target": "水星", "names": [{"language": "en", "title": "Hg"}]}, 7, ("Hg", "link")),
        ({"kind": "template", "target": "水星", "names": [{"language": "en", "title": "List of x"}]}, 7, ("Mercury", "langlink")),
        ({"kind": "template", "target": "水星", "names": [{"language": "de", "title": "Merkur"}]}, 7, ("Mercury", "langlink")),
    ],
)
def test_the_first_source_with_a_usable_name_wins(fields, page_id, name) -> None:
    expected = [] if name is None else [{"language": "en", "name": name[0], "source": name[1]}]
    assert resolve_link(link(**fields), TARGETS, load_pivots(["en"])) == (page_id, expected)


def test_names_are_sorted_by_pivot_language() -> None:
    _, names = resolve_link(link(target="水星"), TARGETS, load_pivots(["fr", "en"]))
    assert [(name["language"], name["name"]) for name in names] == [("en", "Mercury"), ("fr", "Mercure")]


def test_a_pivot_without_a_wikipedia_is_refused() -> None:
    with pytest.raises(ValueError, match="qqq"):
        load_pivots(["en", "qqq"])
