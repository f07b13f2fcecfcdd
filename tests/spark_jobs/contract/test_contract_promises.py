"""The promises of the data contract, on the sample wikis."""

import bz2
import csv
import hashlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F  # noqa: N812

from spark_jobs.contract.manifest import read_manifest
from spark_jobs.contract.table_schemas import TABLES, TOKENIZER_METADATA
from spark_jobs.stages.build_stages import build
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source

from .row_hash_oracle import row_hash

WIKIS = ("jawiki", "eswiki")


def folder_of(corpus: Path, table: str, wiki: str) -> Path:
    return corpus / TABLES[table].folder({"wiki": wiki, "tokenizer": "mistral-7b-v0.1", "pivot": "en"})


def read_expected_rows(sample: Path, name: str) -> list[dict[str, str]]:
    lines = [line for line in (sample / "expected" / name).read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("wiki", WIKIS)
@pytest.mark.parametrize("table", TABLES)
class TestEveryTable:
    def test_has_the_schema_of_the_contract(self, corpus, table, wiki) -> None:
        for file in folder_of(corpus, table, wiki).glob("*.parquet"):
            schema = pq.read_schema(file)
            assert schema.equals(TABLES[table].schema)
            assert schema.metadata[b"leia.table"] == table.encode()
            assert json.loads(schema.metadata[b"leia.columns"]).keys() == set(schema.names)

    def test_has_a_manifest_that_matches_its_files(self, corpus, table, wiki, read_rows) -> None:
        folder = folder_of(corpus, table, wiki)
        manifest = read_manifest(folder)
        assert {shard.path for shard in manifest.shards} | {"_manifest.json"} == {path.name for path in folder.iterdir()}
        for shard in manifest.shards:
            data = (folder / shard.path).read_bytes()
            assert (shard.bytes, shard.sha256) == (len(data), hashlib.sha256(data).hexdigest())
            assert shard.rows == pq.read_metadata(folder / shard.path).num_rows
        rows = read_rows(table, wiki)
        assert (manifest.rows, manifest.row_hash) == (len(rows), row_hash(rows, TABLES[table].schema))

    def test_holds_each_key_once(self, corpus, table, wiki, read_rows) -> None:
        keys = Counter(tuple(row[name] for name in TABLES[table].key) for row in read_rows(table, wiki))
        assert not [key for key, count in keys.items() if count > 1]


@pytest.mark.parametrize("wiki", WIKIS)
class TestEveryWiki:
    def test_page_counts_add_up_to_the_pages_in_the_dump(self, corpus, sample, wiki, read_rows) -> None:
        dump = next((sample / "dumps").glob(f"{wiki}-*-multistream.xml.bz2"))
        pages = bz2.decompress(dump.read_bytes()).count(b"<page>")
        counters = read_manifest(folder_of(corpus, "articles", wiki)).counters
        rows, rejects = read_rows("articles", wiki), read_rows("rejects", wiki)
        assert pages == counters["pages"] == counters["other_namespaces"] + len(rows) + len(rejects)

    def test_counters_match_those_counted_manually(self, corpus, sample, wiki) -> None:
        row = next(row for row in read_expected_rows(sample, "pages.tsv") if row["wiki"] == wiki)
        counters = read_manifest(folder_of(corpus, "articles", wiki)).counters
        assert {name: int(row[name]) for name in row if name != "wiki"} == {
            name: counters[name] for name in row if name != "wiki"
        }

    def test_there_are_several_shards(self, corpus, wiki) -> None:
        for table in ("articles", "augmented", "encoded"):
            assert len(read_manifest(folder_of(corpus, table, wiki)).shards) > 1

    def test_spans_are_sorted_disjoint_and_in_the_text(self, read_rows, wiki) -> None:
        links = 0
        for row in read_rows("augmented", wiki):
            for spans in (row["links"], row["entities"]):
                assert all(0 <= span["start"] < span["end"] <= len(row["text"]) for span in spans)
                assert all(before["end"] <= after["start"] for before, after in pairwise(spans))
            whole = {(link["start"], link["end"]) for link in row["links"]}
            assert {(entity["start"], entity["end"]) for entity in row["entities"]} <= whole
            for section in row["sections"]:
                assert 0 <= section["start"] <= section["end"] <= len(row["text"])
            links += len(row["links"])
        assert links > 200

    def test_the_surface_of_a_link_is_the_text_of_its_span(self, read_rows, wiki) -> None:
        texts = {row["page_id"]: row["text"] for row in read_rows("augmented", wiki)}
        rows = read_rows("links", wiki)
        assert all(texts[row["page_id"]][row["start"] : row["end"]] == row["surface"] for row in rows)
        assert len(rows) == sum(len(row["links"]) for row in read_rows("augmented", wiki))

    def test_names_match_the_manually_written_table(self, read_rows, sample, wiki) -> None:
        found = {(r["title"], str(r["page_id"]), n["title"], n["source"]) for r in read_rows("names", wiki) for n in r["names"]}
        lines = [row for row in read_expected_rows(sample, "names.tsv") if row["wiki"] == wiki]
        assert found == {(row["title"], row["page_id"], row["langlink"], row["source"]) for row in lines}

    def test_entities_match_the_manually_written_table(self, read_rows, sample, wiki) -> None:
        lines = [row for row in read_expected_rows(sample, "entities.tsv") if row["wiki"] == wiki]
        titles = list(dict.fromkeys(row["page"] for row in lines))
        assert len(titles) >= 6
        articles = {row["title"]: row for row in read_rows("augmented", wiki)}
        for title in titles:
            article = articles[title]
            found = [
                (
                    article["text"][entity["start"] : entity["end"]],
                    "" if entity["target_page_id"] is None else str(entity["target_page_id"]),
                    entity["names"][0]["name"],
                    entity["names"][0]["source"],
                )
                for entity in article["entities"]
            ]
            wanted = [(r["surface"], r["target_page_id"], r["name"], r["source"]) for r in lines if r["page"] == title]
            assert found == wanted, title

    def test_tokens_decode_to_the_text_and_names_to_the_names(self, read_rows, demo_settings, wiki) -> None:
        tokenizer = load_tokenizer_source(demo_settings.encoding.tokenizer, "x").load()
        articles = {row["page_id"]: row for row in read_rows("augmented", wiki)}
        rows = read_rows("encoded", wiki)
        assert {row["page_id"] for row in rows} == articles.keys()
        for row in rows:
            article = articles[row["page_id"]]
            assert row["num_tokens"] == len(row["input_ids"])
            assert tokenizer.decode(row["input_ids"]) == article["text"]
            assert len(row["entity_start"]) == len(row["entity_end"]) == len(row["name_lengths"]) == len(article["entities"])
            assert all(a < b for a, b in zip(row["entity_start"], row["entity_end"], strict=True))
            assert all(end <= start for end, start in zip(row["entity_end"], row["entity_start"][1:], strict=False))
            position = 0
            for start, end, length, entity in zip(
                row["entity_start"], row["entity_end"], row["name_lengths"], article["entities"], strict=True
            ):
                assert tokenizer.decode(row["name_ids"][position : position + length]) == entity["names"][0]["name"]
                position += length
                # A token that spans two adjacent links belongs to the first, so the second may lack its beginning.
                if entity["start"] not in {other["end"] for other in article["entities"]}:
                    assert article["text"][entity["start"] : entity["end"]].strip() in tokenizer.decode(
                        row["input_ids"][start:end]
                    )
            assert position == len(row["name_ids"])

    def test_encoded_rows_are_shuffled_and_their_files_name_the_tokenizer(self, corpus, read_rows, wiki) -> None:
        ids = [row["page_id"] for row in read_rows("encoded", wiki)]
        assert ids != sorted(ids)
        for file in folder_of(corpus, "encoded", wiki).glob("*.parquet"):
            metadata = pq.read_schema(file).metadata
            assert TOKENIZER_METADATA.keys() <= {key.decode() for key in metadata}
            assert json.loads(metadata[b"leia.tokenizer"])["vocab_size"] == 32_000
            assert (metadata[b"leia.pivot"], metadata[b"leia.span_mapping"]) == (b"en", b"overlap")
        tokenizer = corpus / "encoded" / "tokenizer=mistral-7b-v0.1" / "_tokenizer" / "tokenizer.json"
        sha256 = read_manifest(folder_of(corpus, "encoded", wiki)).configuration["tokenizer"]["sha256"]
        assert hashlib.sha256(tokenizer.read_bytes()).hexdigest() == sha256


def test_spark_reads_the_tables_with_the_wiki_as_a_column(spark, corpus) -> None:
    frame = spark.read.parquet(f"{corpus}/links")
    found = {row["wiki"]: row["n"] for row in frame.groupBy("wiki").agg(F.count("*").alias("n")).collect()}
    assert found == {wiki: read_manifest(folder_of(corpus, "links", wiki)).rows for wiki in WIKIS}
    entities = spark.read.parquet(f"{corpus}/augmented").select("wiki", "page_id", "text", F.explode("entities").alias("e"))
    cut = entities.select("wiki", "page_id", "e.start", F.expr("substring(text, e.start + 1, e.end - e.start)").alias("cut"))
    both = cut.join(spark.read.parquet(f"{corpus}/links"), ["wiki", "page_id", "start"])
    assert both.count() == cut.count() > 1000
    assert both.where("cut != surface").count() == 0


def test_a_second_build_finds_everything_up_to_date(spark, corpus, demo_settings) -> None:
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*.parquet")}
    report = build(spark, demo_settings.model_copy(update={"output_dir": str(corpus)}))
    assert all(stage["skipped"] for stage in report["stages"])
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*.parquet")} == before
