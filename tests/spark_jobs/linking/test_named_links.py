"""The columns of `augmented` and `links`, compared with `name_resolution.resolve_link` for each link."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.extraction.article_columns import Article, articles_to_table
from spark_jobs.linking.name_resolution import TargetNames, load_pivots, resolve_link
from spark_jobs.linking.named_links import build_entities_column, build_links_table, count_links, name_links, resolve_titles
from spark_jobs.wikitext.extraction_result import Link, Section

TARGETS = {
    "水星": TargetNames(7, (("en", "Mercury (planet)", "langlink"),)),
    "犬": TargetNames(8, (("de", "Haushund", "redirect"), ("en", "Dog", "redirect"))),
    "名無し": TargetNames(9, ()),
    "一覧": TargetNames(10, (("en", "List of dogs", "langlink"),)),
}
LINKS = [
    ("internal", None, "水星", None, {}),
    ("internal", None, "水星", "軌道", {}),
    ("internal", None, "犬", None, {}),
    ("internal", None, "名無し", None, {}),
    ("internal", None, "一覧", None, {}),
    ("internal", None, "どこにもない", None, {}),
    ("internal", None, "", "節", {}),
    ("interwiki", "enwiki", "Venus", None, {"en": "Venus"}),
    ("interwiki", "frwiki", "水星", None, {"fr": "水星"}),
    ("interwiki", "commonswiki", "水星", None, {}),
    ("template", None, "水星", None, {"en": "Mercurius"}),
    ("template", None, "どこにもない", None, {"de": "Nirgendwo", "fr": "Nulle part"}),
]
TEXT = "あいうえおかきくけこ𠮷野家"


def article(page_id: int, indices: list[int]) -> Article:
    kinds = [LINKS[index] for index in indices]
    links = [Link(i, i + 1, kind, wiki, target, fragment, names) for i, (kind, wiki, target, fragment, names) in enumerate(kinds)]
    return Article(page_id, 1, None, f"T{page_id}", "u", text=TEXT, links=tuple(links))


@pytest.mark.parametrize("languages", [["en"], ["en", "de"], ["fr"]])
@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, len(LINKS) - 1), max_size=12), max_size=4))
def test_links_of_a_batch_resolve_as_single_links(languages, pages) -> None:
    pivots = load_pivots(languages)
    table = articles_to_table([article(page_id, indices) for page_id, indices in enumerate(pages)]).combine_chunks()
    batch = table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], schema=table.schema)
    named = name_links(batch.column("links"), resolve_titles(TARGETS, pivots), pivots)

    narrow, entities, counts = [], [], Counter(links=0, links_with_target=0)
    for row in table.to_pylist():
        own = []
        for link in row["links"]:
            page_id, names = resolve_link({**link, "names": link["names"]}, TARGETS, pivots)
            span = {"start": link["start"], "end": link["end"]}
            surface = row["text"][link["start"] : link["end"]]
            narrow.append({"page_id": row["page_id"], **span, "surface": surface, "target_page_id": page_id, "names": names})
            counts.update(links=1, links_with_target=int(page_id is not None))
            for name in names:
                counts.update([f"links_with_name.{name['language']}", f"links_with_name.{name['language']}.{name['source']}"])
            if names:
                own.append({**span, "target_page_id": page_id, "names": names})
        entities.append(own)
    assert build_links_table(batch.column("page_id"), batch.column("text"), named).to_pylist() == narrow
    assert build_entities_column(named).to_pylist() == entities
    assert count_links(named) == counts


def test_articles_become_rows_of_the_contract() -> None:
    redirect = Article(2, 20, None, "B", "u/B", redirect_title="A", redirect_fragment="s")
    full = article(1, [0, 11])._replace(sections=(Section(2, "節", 0, 4),))
    rows = articles_to_table([full, redirect]).to_pylist()
    assert rows[0]["sections"] == [{"level": 2, "title": "節", "start": 0, "end": 4}]
    assert rows[0]["links"][1]["names"] == [{"language": "de", "title": "Nirgendwo"}, {"language": "fr", "title": "Nulle part"}]
    assert (rows[1]["redirect_title"], rows[1]["redirect_fragment"], rows[1]["text"], rows[1]["links"]) == ("A", "s", "", [])
    assert articles_to_table([]).num_rows == 0
