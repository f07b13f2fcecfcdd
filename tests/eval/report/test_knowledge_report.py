"""Knowledge across languages: its tables, the evaluations that it refuses, and the links of a corpus that the engine built."""

import hashlib
import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from eval.analysis.link_exposure import (
    ABSENT,
    NAMED,
    UNNAMED,
    read_link_exposure,
)
from eval.report.knowledge_report import KNOWLEDGE_MARKDOWN, KNOWLEDGE_PAGE, report_knowledge
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import answer, write_evaluation
from ..linked_cities import ENTITIES


def evaluation(folder, right, languages=("ja", "en")):
    tasks = {
        f"cities_{language}": [answer(at, right[language][at], str(at), **entity) for at, entity in enumerate(ENTITIES)]
        for language in languages
    }
    return str(write_evaluation(folder, hashlib.sha256(str(folder).encode()).hexdigest(), tasks))


def test_the_report_has_knowledge_population_and_links_of_the_corpus(tmp_path, corpus_with_links, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    base = evaluation(tmp_path / "base", {"en": [1, 1, 1, 0], "ja": [0, 1, 0, 0]})
    leia = evaluation(tmp_path / "leia", {"en": [1, 1, 1, 0], "ja": [1, 1, 0, 0]})
    report_knowledge([base, leia], tmp_path / "out", corpus=corpus_with_links)
    text = (tmp_path / "out" / KNOWLEDGE_MARKDOWN).read_text()
    assert re.search(r"\| ja \| 25\.0 \| -50\.0 \| -\S+ to \+?\S+ \| 0\.500 \| \S+ \(.*\) \| 33\.3 \(", text)
    assert "| linked, with a name | 1 | 0.0 | 100.0 | +100.0 (" in text
    assert "| linked, no name | 1 | 100.0 | 100.0 | +0.0 (" in text
    assert "| never linked | 2 | 0.0 | 0.0 | +0.0 (" in text
    assert "5 links of these entities in jawiki" in text
    assert "by chance, accuracy and transfer are 33.3" in text
    assert "base: accuracy by population of the city" in capsys.readouterr().out
    page = (tmp_path / "out" / KNOWLEDGE_PAGE).read_text()
    assert page.count("<svg") == 2
    assert page.count("<table>") == text.count("\n## ") == 5  # two models by language and by population; the links of ja
    assert "+100.0 (" in page


def test_a_model_that_lacks_a_language_has_no_column_there(tmp_path, corpus_with_links):
    right = {"en": [1, 1, 1, 0], "ja": [0, 1, 0, 0], "ru": [0, 0, 0, 0]}
    base = evaluation(tmp_path / "base", right)
    ft = evaluation(tmp_path / "ft", right, ("en", "ru"))
    leia = evaluation(tmp_path / "leia", {**right, "ja": [1, 1, 0, 0]})
    report_knowledge([base, ft, leia], tmp_path / "out", corpus=corpus_with_links)
    text = (tmp_path / "out" / KNOWLEDGE_MARKDOWN).read_text()
    assert "| entity | n | base | leia | leia minus base |" in text
    assert "| linked, with a name | 1 | 0.0 | 100.0 | +100.0 (" in text


def test_models_that_answered_different_facts_are_refused(tmp_path):
    base = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4})
    tasks = {f"cities_{language}": [answer(0, 1, "another", **ENTITIES[0])] for language in ("ja", "en")}
    other = str(write_evaluation(tmp_path / "other", "f", tasks))
    with pytest.raises(
        ConfigurationError, match="other answered other facts than base; evaluate both with the same data and limit"
    ):
        report_knowledge([base, other], tmp_path / "out")


@pytest.mark.parametrize(
    ("languages", "message"), [(["ja"], "holds cities in ja; evaluate it in en and another"), (["en"], "holds cities in en;")]
)
def test_knowledge_needs_english_and_another_language(tmp_path, languages, message):
    folder = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4}, languages)
    with pytest.raises(ConfigurationError, match=message):
        report_knowledge([folder], tmp_path / "out")


def test_an_evaluation_without_its_records_is_refused(tmp_path):
    folder = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4})
    (tmp_path / "base" / "samples" / "cities_ja.jsonl").unlink()
    with pytest.raises(ConfigurationError, match=r"base/samples/cities_ja\.jsonl does not exist: .* run python -m eval\.run"):
        report_knowledge([folder], tmp_path / "out")


def test_a_corpus_of_other_wikis_is_refused(tmp_path, corpus_with_links):
    folder = evaluation(tmp_path / "base", {"en": [1] * 4, "ja": [1] * 4})
    (corpus_with_links / "links" / "wiki=jawiki").rename(corpus_with_links / "links" / "wiki=elwiki")
    with pytest.raises(ConfigurationError, match="holds links of none of the wikis of en, ja"):
        report_knowledge([folder], tmp_path / "out", corpus=corpus_with_links)


CITIES = {
    "ja": [("パリ", "Paris"), ("ベルリン", "Berlin"), ("ビルバオ", "Bilbao"), ("トレド", "Toledo"), ("大阪市", "Osaka")],
    "es": [("París", "Paris"), ("Berlín", "Berlin"), ("Bilbao", "Bilbao"), ("Toledo", "Toledo"), ("Osaka", "Osaka")],
}
"""Cities by their names in a wiki's language and in English, as GeoNames has them."""


def counted(corpus, wiki, entity, english):
    """Links of a city with a name and without one, from the articles: text under the span, entities at its place."""
    rows = [row for path in sorted((corpus / "augmented" / f"wiki={wiki}").glob("*.parquet")) for row in read(path)]
    named = unnamed = 0
    for row in rows:
        at = {
            (span["start"], span["end"]): [name["name"] for name in span["names"] if name["language"] == "en"]
            for span in row["entities"]
        }
        named += sum(english in names for names in at.values())
        unnamed += sum(
            row["text"][link["start"] : link["end"]] == entity and not at.get((link["start"], link["end"]))
            for link in row["links"]
        )
    return named, unnamed


def read(path):
    return pq.read_table(path, partitioning=None).to_pylist()


@pytest.mark.slow  # a build with Spark
def test_the_links_of_a_built_corpus_match_its_articles(repository, tmp_path):
    corpus = tmp_path / "corpus"
    build = [sys.executable, "-m", "spark_jobs.build", "--config", "conf/corpus/demo.yaml", "--set", f"output_dir={corpus}"]
    subprocess.run(build, check=True, capture_output=True, cwd=repository)
    groups = {}
    for language, cities in CITIES.items():
        entities = [{"entity": entity, "english": english, "population": 1} for entity, english in cities]
        found = read_link_exposure(corpus, f"{language}wiki", entities)
        assert [(one.named, one.unnamed) for one in found] == [counted(corpus, f"{language}wiki", *names) for names in cities]
        groups[language] = [one.group for one in found]
    assert groups == {
        "ja": [NAMED, NAMED, UNNAMED, ABSENT, ABSENT],
        "es": [NAMED, NAMED, ABSENT, UNNAMED, ABSENT],
    }
    tasks = {
        f"cities_{language}": [
            answer(at, at % 2, str(at), entity=entity, english=english, population=at + 1)
            for at, (entity, english) in enumerate(CITIES.get(language, [(english, english) for _, english in CITIES["ja"]]))
        ]
        for language in ("en", "ja", "es")
    }
    report_knowledge([str(write_evaluation(tmp_path / "base", "aaa", tasks))], tmp_path / "out", corpus=corpus)
    text = (tmp_path / "out" / KNOWLEDGE_MARKDOWN).read_text()
    assert text.count("accuracy by links in the corpus") == 2
    assert "| linked, with a name | 2 | 50.0 |" in text.partition("ja: accuracy by links in the corpus")[2]
