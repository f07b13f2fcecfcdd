import bz2
import doctest
import importlib.resources
import random

import pytest

import spark_jobs.tokens.sentencepiece_conversion
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from spark_jobs.tokens.tokenizer_source import TokenizerSource


def test_doctests_pass() -> None:
    assert doctest.testmod(spark_jobs.tokens.sentencepiece_conversion).failed == 0


def slices_and_odd_strings(texts: list[str]) -> list[str]:
    """Random slices of `texts`, and odd strings."""
    numbers = random.Random(3)
    cuts = [(text, numbers.randrange(len(text)), numbers.randrange(1, 200)) for text in texts for _ in range(20) if text]
    odd = [
        "",
        " ",
        "a",
        "  a  b ",
        "\n\n",
        "\t x",
        "▁",
        "a▁b",
        "𠮷野家",
        "👩‍👩‍👧",
        "ﷺ",
        "<s>",
        "</s> x",
        "<unk>",
        "e\u0301",
        "\u200b",
        "0" * 50,
        "a" * 300,
    ]
    return odd + [text[start : start + length] for text, start, length in cuts]


def test_ids_equal_those_of_sentencepiece(source: TokenizerSource, sample) -> None:
    import sentencepiece

    model = importlib.resources.files("mistral_common").joinpath("data/tokenizer.model.v1")
    reference = sentencepiece.SentencePieceProcessor(model_proto=model.read_bytes())
    texts = [path.read_text(encoding="utf-8") for path in sorted(sample.glob("sources/*/*.wikitext"))]
    tokenizer = source.load()
    for text in slices_and_odd_strings(texts):
        assert tokenizer.encode(text, add_special_tokens=False).ids == reference.encode(text), repr(text)


def test_ids_equal_those_of_sentencepiece_on_real_dumps(source: TokenizerSource, shared_data) -> None:
    import sentencepiece

    model = importlib.resources.files("mistral_common").joinpath("data/tokenizer.model.v1")
    reference = sentencepiece.SentencePieceProcessor(model_proto=model.read_bytes())
    tokenizer = source.load()
    for path in sorted((shared_data / "dumps").glob("*-pages-articles.xml.bz2")):
        with bz2.open(path, "rt", encoding="utf-8") as file:
            lines = file.read(1_000_000).splitlines()
        for line in random.Random(5).sample(lines, 500):
            assert tokenizer.encode(line, add_special_tokens=False).ids == reference.encode(line), repr(line)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model_type": "unigram"}, "is not a BPE model of SentencePiece"),
        (
            {"model_type": "bpe", "add_dummy_prefix": False},
            "the normalisation of this SentencePiece model cannot be converted exactly",
        ),
        (
            {"model_type": "bpe", "normalization_rule_name": "nfkc"},
            "the normalisation of this SentencePiece model cannot be converted exactly",
        ),
    ],
)
def test_a_sentencepiece_model_that_cannot_be_converted_exactly_is_refused(tmp_path, sample, options, reason) -> None:
    import sentencepiece

    lines = (sample / "sources" / "eswiki" / "0001.wikitext").read_text(encoding="utf-8").splitlines()
    prefix = str(tmp_path / "own")
    common = {"vocab_size": 420, "byte_fallback": True, "hard_vocab_limit": False, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=prefix, **common, **options)
    with pytest.raises(ConfigurationError, match=reason):
        load_tokenizer_source(f"{prefix}.model", "own")
