"""The benchmark of `encode`: its samples of articles, its tables and its figures."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer import Typer
from typer.testing import CliRunner

from spark_jobs.contract.table_schemas import AUGMENTED

TEXTS = ["Sol y Luna. " * 40, "", "太陽と月。\n" * 40]


@pytest.fixture(scope="module")
def benchmark(repository):
    pytest.importorskip("mistral_common")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "benchmarks")
        import encode
    return encode


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of one wiki whose only table is `augmented`."""
    link = {"kind": "internal", "wiki": None, "fragment": None, "names": []}
    entity = {"start": 0, "end": 1, "target_page_id": None, "names": [{"language": "en", "name": "Sun", "source": "link"}]}
    rows = [
        {
            **dict.fromkeys(AUGMENTED.schema.names),
            "page_id": number,
            "revision_id": number,
            "title": str(number),
            "url": "",
            "is_disambiguation": False,
            "text": text,
            "sections": [],
            "links": [{**link, "start": 0, "end": 1, "target": "Sol"}, {**link, "start": 2, "end": 3, "target": ""}],
            "entities": [entity] if number == 0 else [],
        }
        for number, text in enumerate(TEXTS)
    ]
    folder = tmp_path / "corpus" / "augmented" / "wiki=xxwiki"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=AUGMENTED.schema), folder / "part-00000.parquet")
    return tmp_path / "corpus"


@pytest.fixture
def command(benchmark, corpus):
    """A function from options to the result of the command on the corpus."""
    app = Typer()
    app.command()(benchmark.main)
    return lambda *options: CliRunner().invoke(app, [str(corpus), "--repeat", "1", *options])


def test_a_corpus_without_articles_is_refused(command, corpus) -> None:
    (corpus / "augmented" / "wiki=xxwiki").rename(corpus / "elsewhere")
    result = command()
    assert result.exit_code == 2
    assert "build a corpus first" in result.output


def test_a_sample_holds_whole_articles_and_their_entities(benchmark, corpus, tmp_path) -> None:
    (sample,) = benchmark.read_samples(corpus, tmp_path, "en", 1.0, all_links=False)
    assert (sample.wiki, [text for text, _ in sample.articles]) == ("xxwiki", TEXTS)
    assert sample.megabytes == sum(len(text.encode()) for text in TEXTS) / 1e6
    assert [entities for _, entities in sample.articles] == [[(0, 1, "Sun")], [], []]


def test_with_all_links_every_link_with_a_target_is_an_entity(benchmark, corpus, tmp_path) -> None:
    (sample,) = benchmark.read_samples(corpus, tmp_path, "en", 1.0, all_links=True)
    assert [entities for _, entities in sample.articles] == [[(0, 1, "Sol")]] * 3


def test_both_tables_and_the_figures_are_written(command, tmp_path) -> None:
    result = command(
        "--markdown", "--json", str(tmp_path / "figures.json"), "--tokenizer", "package:mistral_common/data/tokenizer.model.v1"
    )
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "figures.json").read_text())
    assert report["sample"] == {"xxwiki": {"articles": 3, "megabytes": 0.001, "entities": 1}}
    assert [own["part"] for own in report["parts"]] == [
        "tokenizer.encode",
        "encode_article, overlap",
        "encode_article, exact",
        "Parquet to Arrow",
    ]
    assert all(own["seconds"] > 0 and own["tokenizer"] == "32,000" for own in report["parts"] + report["sizes"])
    assert "| 32,000 ids, xxwiki: tokenizer.encode | 1.00 |" in result.output
    assert "| 32,000 ids, xxwiki: articles of 10 kB | 1.00 |" in result.output
