"""The tokenizer of the shards beside that of a model, and one encoding for all shards."""

import json
import re
from pathlib import Path

import pytest

from training.config import DataSettings
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus
from training.data.tokenizer_identity import check_vocabulary, find_tokenizer_difference


@pytest.fixture(scope="module")
def opened(corpus):
    return open_corpus(DataSettings(**corpus.data))


def settings(corpus, **changes):
    return DataSettings(**corpus.data | changes)


def test_a_model_with_another_vocabulary_is_refused(opened):
    with pytest.raises(
        CorpusError, match=r"the tokenizer of some/model \(2 tokens, .* is not the one of the shards \('words', 63 tokens"
    ):
        check_vocabulary(opened.tokenizer, {"a": 0, "b": 1}, "some/model")


def test_tokens_after_the_vocabulary_do_not_matter(opened, corpus):
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
def test_a_models_tokenizer_is_compared_by_the_parts_that_split_text(corpus, opened, tmp_path, change, difference):
    content = json.loads((corpus.tokenizer / "tokenizer.json").read_text())
    change(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert find_tokenizer_difference(settings(corpus), opened.tokenizer, tmp_path) == difference


def test_without_a_tokenizer_in_the_corpus_the_difference_is_unknown(fresh_corpus, opened, tmp_path):
    content = json.loads((fresh_corpus.tokenizer / "tokenizer.json").read_text())
    with_tags(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    (fresh_corpus.tokenizer / "tokenizer.json").unlink()
    difference = find_tokenizer_difference(settings(fresh_corpus), opened.tokenizer, tmp_path)
    assert difference is not None
    assert re.fullmatch(r"unknown parts \(.*/_tokenizer/tokenizer\.json, to compare it with, is missing\)", difference)


def test_a_model_without_tokenizer_json_has_no_known_difference(corpus, opened):
    assert find_tokenizer_difference(settings(corpus), opened.tokenizer, Path("meta-llama/Llama-2-7b-hf")) is None


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
