"""Opening a corpus: what is refused, and what is told of a model's tokenizer."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.contract.table_schemas import Manifest
from training.config import DataSettings
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus
from training.data.tokenizer_identity import check_vocabulary, find_tokenizer_difference


@pytest.fixture(scope="module")
def opened(corpus):
    return open_corpus(DataSettings(**corpus.data))


def settings(corpus, **changes):
    return DataSettings(**corpus.data | changes)


def rewrite_manifest(corpus, wiki, **changes):
    path = corpus.wiki(wiki) / "_manifest.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(Manifest.model_validate(content).model_dump_json())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer": "letters"}, "tokenizer=letters does not exist; there is tokenizer=words"),
        ({"wikis": ["jawiki", "kowiki"]}, "'kowiki' with pivot 'en' is not in the corpus .*there is wiki=eswiki, wiki=jawiki"),
        ({"pivot": "de"}, "with pivot 'de' is not in the corpus .*there is pivot=en"),
    ],
)
def test_a_corpus_that_is_not_there_is_refused_with_what_is(corpus, changes, message):
    with pytest.raises(CorpusError, match=message):
        open_corpus(settings(corpus, **changes))


def test_a_folder_without_manifest_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "_manifest.json").unlink()
    with pytest.raises(CorpusError, match=r"_manifest\.json does not exist: nothing was published"):
        open_corpus(settings(fresh_corpus))


def test_a_manifest_that_is_cut_off_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "_manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(CorpusError, match="the manifest cannot be read"):
        open_corpus(settings(fresh_corpus))


def test_a_missing_shard_is_refused(fresh_corpus):
    (fresh_corpus.wiki("jawiki") / "part-00001.parquet").unlink()
    with pytest.raises(CorpusError, match=r"part-00001\.parquet is missing, and the manifest names it; build the wiki again"):
        open_corpus(settings(fresh_corpus))


def test_a_shard_of_another_size_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "part-00001.parquet"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CorpusError, match=rf"part-00001\.parquet has {size + 1} bytes, the manifest says {size}"):
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
    with pytest.raises(CorpusError, match="holds the table 'links'; training reads 'encoded'"):
        open_corpus(settings(fresh_corpus))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"leia.schema_version": "2.3"}, r"schema version '2\.3'"),
        ({"leia.tokenizer": "{}"}, "does not say which tokenizer made it"),
        ({"leia.pivot": "de"}, r"part-00000\.parquet holds names in 'de', and data\.pivot is 'en'"),
    ],
)
def test_a_shard_with_a_foreign_footer_is_refused(fresh_corpus, write_shards, metadata, message):
    write_shards(fresh_corpus, "kowiki", fresh_corpus.rows["jawiki"], metadata)
    with pytest.raises(CorpusError, match=message):
        open_corpus(settings(fresh_corpus, wikis=["kowiki"]))


def test_wikis_of_different_tokenizers_are_refused(fresh_corpus, write_shards):
    other = {"name": "words", "sha256": "e" * 64, "vocab_size": 63, "vocabulary_sha256": "f" * 64, "id_type": "uint16"}
    write_shards(fresh_corpus, "kowiki", fresh_corpus.rows["jawiki"], {"leia.tokenizer": json.dumps(other)})
    with pytest.raises(
        CorpusError, match=r"eswiki/part-00000\.parquet and kowiki/part-00000\.parquet were encoded by different tokenizers"
    ):
        open_corpus(settings(fresh_corpus, wikis=["eswiki", "kowiki"]))


def test_wikis_of_different_span_mappings_are_refused(fresh_corpus, write_shards):
    write_shards(fresh_corpus, "kowiki", fresh_corpus.rows["jawiki"], {"leia.span_mapping": "overlap"})
    with pytest.raises(CorpusError, match=r"spans of eswiki/part-00000.* by 'exact', those of kowiki/part-00000.* by 'overlap'"):
        open_corpus(settings(fresh_corpus, wikis=["eswiki", "kowiki"]))
    assert open_corpus(settings(fresh_corpus, wikis=["kowiki"])).span_mapping == "overlap"


def test_a_column_of_another_type_is_refused(fresh_corpus):
    path = fresh_corpus.wiki("jawiki") / "part-00000.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("num_tokens")
    pq.write_table(table.set_column(at, "num_tokens", table["num_tokens"].cast(pa.int64())), path)
    manifest = json.loads((fresh_corpus.wiki("jawiki") / "_manifest.json").read_text())
    manifest["shards"][0]["bytes"] = path.stat().st_size
    rewrite_manifest(fresh_corpus, "jawiki", shards=manifest["shards"])
    with pytest.raises(CorpusError, match="column num_tokens is int64, the contract says int32"):
        open_corpus(settings(fresh_corpus))


def test_a_corpus_without_articles_is_refused(fresh_corpus, write_shards):
    write_shards(fresh_corpus, "kowiki", [])
    with pytest.raises(CorpusError, match="kowiki hold no articles"):
        open_corpus(settings(fresh_corpus, wikis=["kowiki"]))


def test_a_model_with_another_vocabulary_is_refused(opened):
    with pytest.raises(
        CorpusError, match=r"the tokenizer of some/model \(2 tokens, .* is not the one of the shards \('words', 63 tokens"
    ):
        check_vocabulary(opened.tokenizer, {"a": 0, "b": 1}, "some/model")


def test_tokens_behind_the_vocabulary_do_not_matter(opened, corpus):
    vocabulary = json.loads((corpus.tokenizer / "tokenizer.json").read_text())["model"]["vocab"]
    check_vocabulary(opened.tokenizer, vocabulary | {"<translate>": 63, "</translate>": 64}, "some/model")


def with_post_processor(tokenizer):
    tokenizer["post_processor"] = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}


def with_tags(tokenizer):
    tokenizer["added_tokens"].append({"id": 63, "content": "<translate>", "special": True})


def with_another_normalizer(tokenizer):
    tokenizer["normalizer"] = {"type": "Lowercase"}


def with_another_split(tokenizer):
    tokenizer["pre_tokenizer"] = {"type": "BertPreTokenizer"}


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda tokenizer: None, None),
        (with_post_processor, None),
        (with_tags, None),
        (with_another_normalizer, "normalizer"),
        (with_another_split, "pre_tokenizer"),
    ],
)
def test_a_models_tokenizer_that_splits_text_otherwise_is_told_by_the_part_that_differs(
    corpus, opened, tmp_path, change, difference
):
    content = json.loads((corpus.tokenizer / "tokenizer.json").read_text())
    change(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert find_tokenizer_difference(settings(corpus), opened.tokenizer, tmp_path) == difference


def test_a_tokenizer_that_has_nothing_to_be_compared_with_is_told(fresh_corpus, opened, tmp_path):
    content = json.loads((fresh_corpus.tokenizer / "tokenizer.json").read_text())
    with_tags(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    (fresh_corpus.tokenizer / "tokenizer.json").unlink()
    difference = find_tokenizer_difference(settings(fresh_corpus), opened.tokenizer, tmp_path)
    assert difference is not None
    assert re.fullmatch(r"somewhere \(.*/_tokenizer/tokenizer\.json, to compare it with, is missing\)", difference)


def test_of_a_model_without_tokenizer_json_no_difference_is_known(corpus, opened):
    assert find_tokenizer_difference(settings(corpus), opened.tokenizer, Path("meta-llama/Llama-2-7b-hf")) is None
