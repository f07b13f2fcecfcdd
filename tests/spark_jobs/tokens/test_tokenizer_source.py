import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from spark_jobs.tokens.tokenizer_source import TokenizerSource


def test_vocabulary_size_id_type_and_ids_of_a_packaged_tokenizer(source: TokenizerSource) -> None:
    assert (source.vocab_size, source.id_type) == (32_000, "uint16")
    assert source.load().encode("Hello", add_special_tokens=False).ids == [22557]


def test_control_tokens_in_an_article_are_plain_text(source: TokenizerSource) -> None:
    ids = source.load().encode("a <s> b </s>", add_special_tokens=False).ids
    assert not {0, 1, 2} & set(ids)


def byte_level_tokenizer(**model) -> Tokenizer:
    """A byte-level tokenizer that, as some published ones, takes spaces out of its offsets and appends an end to each text."""
    tokenizer = Tokenizer(models.BPE(vocab={"Ġ": 0, "a": 1, "b": 2, "Ġb": 3, "</s>": 4}, merges=[("Ġ", "b")], **model))
    tokenizer.add_special_tokens(["</s>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trim = processors.ByteLevel(trim_offsets=True)
    end = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 4)])
    tokenizer.post_processor = processors.Sequence([trim, end])
    return tokenizer


def test_a_loaded_tokenizer_neither_adds_nor_truncates_and_keeps_whole_offsets(tmp_path) -> None:
    tokenizer = byte_level_tokenizer()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    source = load_tokenizer_source(str(tmp_path), "own")
    encoding = source.load().encode("a b b", add_special_tokens=False)
    assert (encoding.ids, encoding.offsets) == ([1, 3, 3], [(0, 1), (1, 3), (3, 5)])
    assert (source.vocab_size, source.describe()["vocab_size"]) == (5, 5)
    assert "TemplateProcessing" in source.tokenizer_json, "the published file is unchanged"


@pytest.mark.parametrize(("largest", "id_type"), [(65_535, "uint16"), (65_536, "uint32")])
def test_ids_are_uint16_if_they_fit(tmp_path, largest: int, id_type: str) -> None:
    Tokenizer(models.WordLevel(vocab={"a": 0, "b": largest}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    source = load_tokenizer_source(str(tmp_path), "own")
    assert (source.vocab_size, source.id_type, source.describe()["id_type"]) == (largest + 1, id_type, id_type)
