"""Names in any language beside text in any other: the pivots of a build."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spark_jobs.config import CorpusSettings
from spark_jobs.stages.build_stages import build, select_stages


@pytest.fixture(scope="module")
def built(spark, demo_settings: CorpusSettings, tmp_path_factory) -> CorpusSettings:
    """Both sample wikis with names in three languages, and no tokens."""
    folder = tmp_path_factory.mktemp("pivots")
    settings = demo_settings.model_copy(update={"output_dir": str(folder), "pivots": ["ja", "es", "en"], "encode": None})
    report = build(spark, settings)
    assert [wiki["tokens"] for wiki in report["wikis"].values()] == [None, None]
    return settings


def test_a_build_without_a_tokenizer_ends_at_augmented(built: CorpusSettings) -> None:
    assert [name for name, _ in select_stages(built)] == ["extract", "align", "augment"]
    assert sorted(path.name for path in Path(built.output_dir).iterdir() if path.name[0] != "_") == [
        "README.md",
        "articles",
        "augmented",
        "croissant.json",
        "links",
        "names",
        "rejects",
    ]


def names_of(settings: CorpusSettings, wiki: str, language: str) -> Counter[tuple[str, str]]:
    """(surface, name) of all links of a wiki that have a name in a language."""
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
def test_either_direction_and_several_languages_at_once(built, wiki, language, surface, name) -> None:
    assert names_of(built, wiki, language)[surface, name] > 0


def test_a_wiki_has_no_names_in_its_own_language(built) -> None:
    assert not names_of(built, "jawiki", "ja")
    assert not names_of(built, "eswiki", "es")


def test_the_names_of_one_language_do_not_depend_on_the_others(built, corpus, demo_settings) -> None:
    alone = demo_settings.model_copy(update={"output_dir": str(corpus)})
    assert names_of(built, "jawiki", "en") == names_of(alone, "jawiki", "en")
