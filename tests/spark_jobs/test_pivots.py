"""Builds with several pivots: names in any language for text in any other."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spark_jobs.config import CorpusSettings
from spark_jobs.stages.build_stages import build, select_stages


@pytest.fixture(scope="module")
def multi_pivot_settings(spark, demo_settings: CorpusSettings, tmp_path_factory) -> CorpusSettings:
    """The settings of a finished build of both sample wikis with names in three languages and without tokens."""
    folder = tmp_path_factory.mktemp("pivots")
    settings = demo_settings.model_copy(update={"output_dir": str(folder), "pivots": ["ja", "es", "en"], "encode": None})
    report = build(spark, settings)
    assert [wiki["tokens"] for wiki in report["wikis"].values()] == [None, None]
    return settings


def test_a_build_without_a_tokenizer_ends_at_augmented(multi_pivot_settings: CorpusSettings) -> None:
    assert [name for name, _ in select_stages(multi_pivot_settings)] == ["extract", "align", "augment"]
    assert sorted(path.name for path in Path(multi_pivot_settings.output_dir).iterdir() if path.name[0] != "_") == [
        "README.md",
        "articles",
        "augmented",
        "croissant.json",
        "links",
        "names",
        "rejects",
    ]


def count_names(settings: CorpusSettings, wiki: str, language: str) -> Counter[tuple[str, str]]:
    """(surface, name) of all links of a wiki with a name in a language, with their counts."""
    rows = pq.read_table(Path(settings.output_dir) / "links" / f"wiki={wiki}", partitioning=None).to_pylist()
    return Counter((row["surface"], entry["name"]) for row in rows for entry in row["names"] if entry["language"] == language)


@pytest.mark.parametrize(
    ("wiki", "language", "surface", "name"),
    [
        ("jawiki", "en", "太陽", "Sun"),
        ("jawiki", "es", "太陽", "Sol"),
        ("eswiki", "en", "Sol", "Sun"),
        ("eswiki", "ja", "Sol", "太陽"),
    ],
)
def test_links_have_names_in_every_pivot_language(multi_pivot_settings, wiki, language, surface, name) -> None:
    assert count_names(multi_pivot_settings, wiki, language)[surface, name] > 0


def test_a_wiki_has_no_names_in_its_language(multi_pivot_settings) -> None:
    assert not count_names(multi_pivot_settings, "jawiki", "ja")
    assert not count_names(multi_pivot_settings, "eswiki", "es")


def test_the_names_in_one_language_do_not_depend_on_the_other_pivots(multi_pivot_settings, corpus, demo_settings) -> None:
    single_pivot = demo_settings.model_copy(update={"output_dir": str(corpus)})
    assert count_names(multi_pivot_settings, "jawiki", "en") == count_names(single_pivot, "jawiki", "en")
