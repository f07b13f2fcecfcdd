"""The command `render`: the chosen names are those of the training stream, and the table keeps the contract."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from spark_jobs.config import RenderSettings
from spark_jobs.contract.manifest import read_manifest
from spark_jobs.contract.table_schemas import RENDERED
from spark_jobs.publishing.publication import PublishError
from spark_jobs.rendering.rendered_shards import render_batch
from spark_jobs.runtime.spark_tasks import map_tasks
from spark_jobs.stages.render_stage import render_corpus
from training.data.encoded_corpus import open_corpus

WIKIS = ("eswiki", "jawiki")
ENCODED = "encoded/tokenizer=mistral-7b-v0.1/pivot=en"


@pytest.fixture
def settings(corpus: Path, tmp_path: Path) -> RenderSettings:
    """Settings that render the sample into a temporary folder."""
    return RenderSettings(corpus=str(corpus), output_dir=str(tmp_path / "out"))


def change(settings: RenderSettings, **values: Any) -> RenderSettings:
    return RenderSettings.model_validate({**settings.model_dump(), **values})


def read_rendered_rows(folder: str, wiki: str) -> list[dict[str, Any]]:
    files = sorted((Path(folder) / "rendered" / f"wiki={wiki}").glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file, partitioning=None) for file in files]).to_pylist()


def read_stream_names(corpus: Path, wiki: str, strategy: str, cache: Path) -> dict[int, list[str]]:
    """Page id -> names that the stream of a training run with seed 42 inserts in its first epoch."""
    from itertools import groupby

    from training.config import DataSettings
    from training.stream.lane_reader import LaneReader
    from training.stream.name_insertion import NAME
    from training.stream.stream_plan import StreamRules
    from training.stream.token_stream import Stream

    opened = open_corpus(DataSettings(corpus=str(corpus), tokenizer="mistral-7b-v0.1", wikis=(wiki,), cache=cache))
    rules = StreamRules(
        seed=42,
        sequence_length=64,
        global_batch_size=1,
        slots=1,
        shuffle_window=2,
        strategy=strategy,
        probability=0.5,
        tags=(32000, 32001),
        bos=1,
        eos=None,
        predict_names=True,
    )
    stream = Stream(opened, rules)
    tokenizer = Tokenizer.from_file(str(corpus / ENCODED / "../_tokenizer/tokenizer.json"))
    pages: dict[int, list[tuple[int, int]]] = {}
    remaining = stream.plan.wikis[0].lane_begin(0, 1)  # tokens of the epoch
    for part in LaneReader(opened.wikis[0], stream.plan.wikis[0], 0).read(0, -(-remaining // 64)):
        if remaining <= 0:
            break
        remaining -= len(part.tokens)
        tokens = list(zip(part.kinds.tolist(), part.tokens.tolist(), strict=True))
        for document, begin, end in zip(
            part.documents.tolist(), part.begins[:-1].tolist(), part.begins[1:].tolist(), strict=True
        ):
            page = int(opened.wikis[0].documents.page_id[document])
            pages.setdefault(page, []).extend(tokens[max(begin, 0) : end])
    assert remaining == 0
    return {
        page: [tokenizer.decode([token for _, token in run]) for kind, run in groupby(tokens, key=lambda t: t[0]) if kind == NAME]
        for page, tokens in pages.items()
    }


@pytest.mark.parametrize(("wiki", "strategy"), [("jawiki", "right"), ("eswiki", "left"), ("eswiki", "replace")])
def test_the_names_are_those_of_a_training_run(spark, corpus, settings, tmp_path, wiki, strategy) -> None:
    counters = read_manifest(corpus / ENCODED / f"wiki={wiki}").counters
    assert counters["entities_without_token"] == counters["names_without_token"] == 0
    render_corpus(spark, change(settings, strategy=strategy, wikis=[wiki]))
    rows = read_rendered_rows(settings.output_dir, wiki)
    rendered = {row["page_id"]: re.findall(r"<translate>(.*?)</translate>", row["text"]) for row in rows}
    assert rendered == read_stream_names(corpus, wiki, strategy, tmp_path / "cache")
    share = sum(map(len, rendered.values())) / counters["entities"]
    assert 0.45 < share < 0.55


def test_probability_0_inserts_no_names_and_1_inserts_all(spark, settings, read_rows) -> None:
    for probability in (0.0, 1.0):
        folder = f"{settings.output_dir}{probability}"
        render_corpus(spark, change(settings, output_dir=folder, probability=probability, wikis=["jawiki"]))
        texts = {row["page_id"]: row["text"] for row in read_rendered_rows(folder, "jawiki")}
        for row in read_rows("augmented", "jawiki"):
            expected = row["text"]
            for entity in reversed(row["entities"]):
                name = f"<translate>{entity['names'][0]['name']}</translate>" if probability else ""
                expected = expected[: entity["end"]] + name + expected[entity["end"] :]
            assert texts[row["page_id"]] == expected


def test_another_seed_or_epoch_chooses_other_links_and_keeps_the_text(spark, settings) -> None:
    texts = {}
    for name, values in {"a": {}, "b": {}, "seed": {"seed": 1}, "epoch": {"epoch": 1}}.items():
        folder = f"{settings.output_dir}-{name}"
        render_corpus(spark, change(settings, output_dir=folder, wikis=["eswiki"], **values))
        texts[name] = [row["text"] for row in read_rendered_rows(folder, "eswiki")]
        plain = [re.sub(r"<translate>.*?</translate>", "", text) for text in texts[name]]
        texts[f"{name}, plain"] = plain
    assert texts["a"] == texts["b"]
    assert texts["a"] != texts["seed"] != texts["epoch"] != texts["a"]
    assert texts["a, plain"] == texts["seed, plain"] == texts["epoch, plain"]


def test_the_links_of_a_page_are_chosen_independently_of_other_pages(corpus) -> None:
    settings = RenderSettings(corpus="unused", output_dir="unused")
    files = (corpus / "augmented" / "wiki=jawiki").glob("*.parquet")
    file = max(files, key=lambda file: pq.read_metadata(file).num_rows)
    (batch,) = pq.read_table(file, partitioning=None).combine_chunks().to_batches()
    together, counters = render_batch(batch, "jawiki", settings.rule)
    alone = [render_batch(batch.slice(row, 1), "jawiki", settings.rule)[0] for row in reversed(range(batch.num_rows))]
    assert pa.concat_tables(alone[::-1]).equals(together)
    assert counters["articles"] == batch.num_rows
    assert 0 < counters["names"] < counters["entities"]


def test_the_table_keeps_the_contract_and_is_skipped_if_up_to_date(spark, settings, read_rows) -> None:
    first = render_corpus(spark, settings)
    assert list(first) == sorted(WIKIS)
    for wiki in WIKIS:
        folder = Path(settings.output_dir) / "rendered" / f"wiki={wiki}"
        manifest = read_manifest(folder)
        assert (manifest.table, manifest.rows) == ("rendered", len(read_rows("augmented", wiki)))
        assert manifest.inputs[0]["name"] == f"augmented/{wiki}"
        assert manifest.configuration["probability"] == 0.5
        for shard in manifest.shards:
            assert pq.read_schema(folder / shard.path).equals(RENDERED.schema)
            assert hashlib.sha256((folder / shard.path).read_bytes()).hexdigest() == shard.sha256
        keys = [
            (row["page_id"], row["revision_id"], row["title"], row["url"])
            for row in read_rendered_rows(settings.output_dir, wiki)
        ]
        assert keys == [(r["page_id"], r["revision_id"], r["title"], r["url"]) for r in read_rows("augmented", wiki)]
    assert not any(result.skipped for result in first.values())
    assert all(result.skipped for result in render_corpus(spark, settings).values())
    assert not any(result.skipped for result in render_corpus(spark, change(settings, seed=7)).values())
    card = (Path(settings.output_dir) / "README.md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in card
    assert "beside" not in card
    assert 'load_dataset("path/to/this/folder", "rendered"' in card


@pytest.mark.parametrize("compression", ["zstd", "gzip", "none"])
def test_json_lines_have_the_rows_of_parquet(spark, settings, compression) -> None:
    values = {"format": "jsonl", "compression": compression, "wikis": ["jawiki"]}
    (result,) = render_corpus(spark, change(settings, **values)).values()
    parquet = change(settings, output_dir=f"{settings.output_dir}-parquet", wikis=["jawiki"])
    (expected,) = render_corpus(spark, parquet).values()
    manifest = result.manifests[0]
    assert (manifest.row_hash, manifest.rows) == (expected.manifests[0].row_hash, expected.manifests[0].rows)
    folder = Path(settings.output_dir) / "rendered" / "wiki=jawiki"
    rows = []
    for shard in manifest.shards:
        data = (folder / shard.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == shard.sha256
        if compression == "gzip":
            data = gzip.decompress(data)
        elif compression == "zstd":
            data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
        rows += [json.loads(line) for line in data.decode().splitlines()]
    assert rows == [{"wiki": "jawiki", **row} for row in read_rendered_rows(parquet.output_dir, "jawiki")]


def test_datasets_and_duckdb_read_json_lines_by_their_card(spark, settings, tmp_path) -> None:
    import duckdb

    render_corpus(spark, change(settings, format="jsonl"))
    code = f"import datasets; print(len(datasets.load_dataset({settings.output_dir!r}, 'rendered', split='jawiki')))"
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "57"), done.stderr
    card = (Path(settings.output_dir) / "README.md").read_text(encoding="utf-8")
    query = re.search(r"SELECT \* (FROM read_json\(.*?\)) LIMIT", card)[1].replace("path/to/this/folder", settings.output_dir)
    counted = duckdb.sql(f"SELECT wiki, count(*) {query} GROUP BY wiki ORDER BY wiki").fetchall()
    assert counted == [("eswiki", 57), ("jawiki", 57)]


def test_a_file_whose_size_differs_from_its_report_is_not_published(spark, settings, monkeypatch) -> None:
    def map_tasks_with_wrong_sizes(*arguments: Any) -> list[Any]:
        reports = map_tasks(*arguments)
        return [type(report)(**{**vars(report), "bytes": report.bytes - 1}) for report in reports]

    monkeypatch.setattr("spark_jobs.stages.render_stage.map_tasks", map_tasks_with_wrong_sizes)
    with pytest.raises(PublishError, match="its task reported"):
        render_corpus(spark, change(settings, format="jsonl", wikis=["jawiki"]))
    assert not (Path(settings.output_dir) / "rendered").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pivot": "de"}, "pivot: eswiki has no names in 'de', but in en"),
        ({"wikis": ["jawiki", "frwiki"]}, "wikis: 'frwiki' is not in .*; it holds eswiki, jawiki"),
        ({"corpus": "/nowhere"}, "/nowhere does not exist: build a corpus first"),
    ],
)
def test_a_missing_pivot_wiki_or_corpus_is_reported_before_any_file_is_written(spark, settings, values, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        render_corpus(spark, change(settings, **values))
    assert not Path(settings.output_dir).exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("probability=1.5", "probability: 1.5 is not allowed"),
        ("strategy=above", "strategy: 'above' is not allowed"),
        ("tags=['<']", "tags"),
        ("wikis=[jawiki, jawiki]", "wikis.* names each wiki once"),
    ],
)
def test_invalid_settings_are_refused(repository, override, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_settings(RenderSettings, repository / "conf/render/demo.yaml", [override])
