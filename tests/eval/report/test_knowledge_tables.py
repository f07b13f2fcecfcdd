"""Tables of knowledge across languages."""

import pytest

from eval.report.knowledge_tables import exposure_tables, language_table, model_tables, population_table
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import answer
from ..linked_cities import ENTITIES


def facts(**right):
    """Language to records of the four entities, right or wrong."""
    return {
        language: [answer(at, is_right, str(at), **ENTITIES[at]) for at, is_right in enumerate(answers)]
        for language, answers in right.items()
    }


MODEL = facts(en=[1, 1, 1, 0], ja=[0, 1, 0, 0])


def test_a_corpus_without_any_of_the_wikis_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="holds links of none of the wikis of en, ja"):
        exposure_tables({"base": MODEL}, tmp_path)


def test_each_language_is_compared_with_english():
    table = language_table("base", MODEL)
    assert table.title == "base: the same facts in 2 languages"
    english, japanese = (dict(zip(table.headers, row, strict=True)) for row in table.rows)
    assert english == dict.fromkeys(table.headers, "") | {"language": "en", "accuracy": "75.0"}
    assert (japanese["language"], japanese["accuracy"], japanese["minus English"]) == ("ja", "25.0", "-50.0")
    assert japanese["p Holm"] == "0.500"  # 2 of 2 differing items in one direction
    assert japanese["transfer from English"].startswith("33.3 (")  # 1 of 3
    assert table.note.startswith("4 facts, 3 candidates: by chance, accuracy and transfer are 33.3, RankC ")
    assert table.svg.startswith("<svg")


def test_accuracy_by_population_is_in_the_order_of_the_bands():
    table = population_table("base", MODEL)
    assert table.headers == ("inhabitants", "n", "en", "ja")
    assert list(table.rows) == [
        ("500 to 500 thousand", "1", "100.0", "100.0"),
        ("2,000 to 2,000 thousand", "1", "0.0", "0.0"),
        ("4,000 to 4,000 thousand", "1", "100.0", "0.0"),
        ("9,000 to 9,000 thousand", "1", "100.0", "0.0"),
    ]


def test_items_without_a_population_have_no_table_of_it():
    without = {language: [answer(at, 1, str(at)) for at in range(4)] for language in ("en", "ja")}
    assert [table.title for table in model_tables("base", without)] == ["base: the same facts in 2 languages"]
    assert len(model_tables("base", MODEL)) == 2


def test_accuracy_by_links_has_the_gain_of_later_models(corpus_with_links):
    later = facts(en=[1, 1, 1, 0], ja=[1, 1, 0, 0])
    (table,) = exposure_tables({"base": MODEL, "leia": later}, corpus_with_links)
    assert table.headers == ("entity", "n", "base", "leia", "leia minus base")
    assert [(row[:4], row[4].partition(" (")[0]) for row in table.rows] == [
        (("linked, with a name", "1", "0.0", "100.0"), "+100.0"),
        (("linked, no name", "1", "100.0", "100.0"), "+0.0"),
        (("never linked", "2", "0.0", "0.0"), "+0.0"),
    ]
    assert table.note.startswith("5 links of these entities in jawiki.")
