"""Manifests, files and footers that are refused when a corpus is opened."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.contract.manifest import Manifest
from training.config import DataSettings
from training.data import corpus_checks
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus


def settings(corpus, **changes):
    return DataSettings(**corpus.data | changes)


def rewrite_manifest(corpus, wiki, **changes):
    path = corpus.wiki(wiki) / "_manifest.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(Manifest.model_validate(content).model_dump_json())


def test_a_folder_without_manifest_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "_manifest.json").unlink()
    with pytest.raises(CorpusError, match=r"_manifest\.json does not exist: nothing was published"):
        open_corpus(settings(fresh_corpus))


def test_a_truncated_manifest_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "_manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(CorpusError, match="cannot be read as a manifest"):
        open_corpus(settings(fresh_corpus))


def test_a_manifest_that_pyarrow_cannot_read_is_refused(fresh_corpus, monkeypatch):
    def unreadable(folder):
        raise pa.ArrowInvalid("not the content of a file")

    monkeypatch.setattr(corpus_checks, "read_manifest", unreadable)
    with pytest.raises(CorpusError, match="not the content of a file"):
        open_corpus(settings(fresh_corpus))


def test_the_folders_of_two_wikis_renamed_into_each_other_are_refused(fresh_corpus):
    spanish, japanese = fresh_corpus.wiki("eswiki"), fresh_corpus.wiki("jawiki")
    spanish.rename(spanish.with_name("wiki=xx"))
    japanese.rename(spanish)
    spanish.with_name("wiki=xx").rename(japanese)
    message = r"eswiki/_manifest\.json belongs to another folder: the folder is wiki=eswiki, its content is wiki='jawiki'"
    with pytest.raises(CorpusError, match=message):
        open_corpus(settings(fresh_corpus))


@pytest.mark.parametrize("level", ["pivot=en", "tokenizer=words"])
def test_a_folder_above_the_wikis_with_another_name_is_refused(fresh_corpus, level):
    folder = next(parent for parent in fresh_corpus.wiki("jawiki").parents if parent.name == level)
    name = level.partition("=")[0]
    folder.rename(folder.with_name(f"{name}=other"))
    with pytest.raises(CorpusError, match=f"the folder is {name}=other, its content is {level.replace('=', '=.')}"):
        open_corpus(settings(fresh_corpus, **{name: "other"}))


def test_a_missing_shard_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "part-00001.parquet").unlink()
    with pytest.raises(CorpusError, match=r"part-00001\.parquet is missing, and the manifest names it; build the wiki again"):
        open_corpus(settings(fresh_corpus))


def test_a_shard_of_another_size_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "part-00001.parquet"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CorpusError, match=rf"part-00001\.parquet has {size + 1} bytes, the manifest states {size}"):
        open_corpus(settings(fresh_corpus))


def test_a_shard_that_the_manifest_does_not_name_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "part-00009.parquet").write_bytes(b"x")
    with pytest.raises(CorpusError, match=r"part-00009\.parquet is not named by the manifest"):
        open_corpus(settings(fresh_corpus))


def test_another_major_version_of_the_contract_is_refused(fresh_corpus):
    rewrite_manifest(fresh_corpus, "jawiki", schema_version="2.0")
    with pytest.raises(CorpusError, match=r"has schema version '2\.0'; this code reads 1\.x: rebuild the table"):
        open_corpus(settings(fresh_corpus))


def test_another_table_is_refused(fresh_corpus):
    rewrite_manifest(fresh_corpus, "jawiki", table="links")
    with pytest.raises(CorpusError, match="the folder is encoded/tokenizer=words, its content is the table 'links'"):
        open_corpus(settings(fresh_corpus))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"leia.schema_version": "2.3"}, r"schema version '2\.3'"),
        ({"leia.tokenizer": "{}"}, "does not name the tokenizer that made it"),
        ({"leia.pivot": "de"}, r"part-00000\.parquet holds names in 'de', and data\.pivot is 'en'"),
    ],
)
def test_a_shard_with_a_foreign_footer_is_refused(fresh_corpus, write_shards, metadata, message):
    write_shards(fresh_corpus, "kowiki", fresh_corpus.rows["jawiki"], metadata)
    with pytest.raises(CorpusError, match=message):
        open_corpus(settings(fresh_corpus, wikis=["kowiki"]))


def test_a_column_of_another_type_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "part-00000.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("num_tokens")
    pq.write_table(table.set_column(at, "num_tokens", table["num_tokens"].cast(pa.int64())), path)
    manifest = json.loads((fresh_corpus.wiki("jawiki") / "_manifest.json").read_text())
    manifest["shards"][0]["bytes"] = path.stat().st_size
    rewrite_manifest(fresh_corpus, "jawiki", shards=manifest["shards"])
    with pytest.raises(CorpusError, match="column num_tokens is int64, the contract states int32"):
        open_corpus(settings(fresh_corpus))
