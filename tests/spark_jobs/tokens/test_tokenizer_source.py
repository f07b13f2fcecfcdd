import bz2
import doctest
import importlib.resources
import json
import random

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import spark_jobs.tokens.sentencepiece_conversion
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from spark_jobs.tokens.tokenizer_source import TokenizerSource

SPEC = "package:mistral_common/data/tokenizer.model.v1"


@pytest.fixture(scope="module")
def source() -> TokenizerSource:
    pytest.importorskip("mistral_common")
    return load_tokenizer_source(SPEC, "mistral-7b-v0.1")


def test_the_worked_example_holds() -> None:
    assert doctest.testmod(spark_jobs.tokens.sentencepiece_conversion).failed == 0


def test_the_tokenizer_is_the_one_it_says_it_is(source: TokenizerSource) -> None:
    assert (source.vocab_size, source.id_type) == (32_000, "uint16")
    assert source.load().encode("Hello", add_special_tokens=False).ids == [22557]


def strings(texts: list[str]) -> list[str]:
    """Pieces of texts that begin and end anywhere, and hand-made oddities."""
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
    for text in strings(texts):
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


def test_control_tokens_in_an_article_stay_text(source: TokenizerSource) -> None:
    ids = source.load().encode("a <s> b </s>", add_special_tokens=False).ids
    assert not {0, 1, 2} & set(ids)


def test_a_published_tokenizer_reads_back_the_same(source: TokenizerSource, tmp_path) -> None:
    (tmp_path / "tokenizer.json").write_text(source.tokenizer_json, encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(source.tokenizer_config, encoding="utf-8")
    again = load_tokenizer_source(str(tmp_path), source.name)
    assert (again.tokenizer_json, again.tokenizer_config) == (source.tokenizer_json, source.tokenizer_config)
    assert load_tokenizer_source(str(tmp_path / "tokenizer.json"), source.name) == again
    assert json.loads(again.tokenizer_config)["bos_token"] == "<s>"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model_type": "unigram"}, "is no BPE model of SentencePiece"),
        ({"model_type": "bpe", "add_dummy_prefix": False}, "normalises text in a way that has no exact fast form"),
        ({"model_type": "bpe", "normalization_rule_name": "nfkc"}, "normalises text in a way that has no exact fast form"),
    ],
)
def test_a_sentencepiece_model_without_an_exact_fast_form_is_refused(tmp_path, sample, options, reason) -> None:
    import sentencepiece

    lines = (sample / "sources" / "eswiki" / "0001.wikitext").read_text(encoding="utf-8").splitlines()
    prefix = str(tmp_path / "own")
    common = {"vocab_size": 420, "byte_fallback": True, "hard_vocab_limit": False, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=prefix, **common, **options)
    with pytest.raises(ConfigurationError, match=reason):
        load_tokenizer_source(f"{prefix}.model", "own")


def test_a_hub_id_may_hold_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigurationError, match="is no file or folder here, and the Hugging Face hub did not give it"):
        load_tokenizer_source("example/Model-v0.1", "x")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("./nowhere/tokenizer.json", "there is no file nowhere/tokenizer.json"),
        ("package:no_such_package/x.json", "pip install no-such-package"),
        ("package:mistral_common/data/none.model", "there is no file"),
    ],
)
def test_a_tokenizer_that_is_not_there_is_refused_with_the_remedy(spec: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_tokenizer_source(spec, "x")


def byte_level(**model) -> Tokenizer:
    """A byte-level tokenizer that takes spaces out of its offsets and puts an end behind every text, as some published do."""
    tokenizer = Tokenizer(models.BPE(vocab={"Ġ": 0, "a": 1, "b": 2, "Ġb": 3, "</s>": 4}, merges=[("Ġ", "b")], **model))
    tokenizer.add_special_tokens(["</s>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trim = processors.ByteLevel(trim_offsets=True)
    end = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 4)])
    tokenizer.post_processor = processors.Sequence([trim, end])
    return tokenizer


def test_a_loaded_tokenizer_adds_nothing_cuts_nothing_and_keeps_the_offsets_whole(tmp_path) -> None:
    tokenizer = byte_level()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    source = load_tokenizer_source(str(tmp_path), "own")
    encoding = source.load().encode("a b b", add_special_tokens=False)
    assert (encoding.ids, encoding.offsets) == ([1, 3, 3], [(0, 1), (1, 3), (3, 5)])
    assert (source.vocab_size, source.describe()["vocab_size"]) == (5, 5)
    assert "TemplateProcessing" in source.tokenizer_json, "what is published stays as it is"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", r"tokenizer\.json is no tokenizer\.json that the tokenizers library reads .*save_pretrained"),
        ("not JSON", r"is no tokenizer\.json that the tokenizers library reads"),
        (byte_level(dropout=0.1).to_str(), r"drops merges at random \(model\.dropout is 0\.1.*set it to null"),
    ],
)
def test_a_file_that_gives_no_tokens_or_not_always_the_same_is_refused(tmp_path, content, reason) -> None:
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=reason):
        load_tokenizer_source(str(tmp_path), "own")


@pytest.mark.parametrize(("largest", "id_type"), [(65_535, "uint16"), (65_536, "uint32")])
def test_ids_are_uint16_as_long_as_they_fit(tmp_path, largest: int, id_type: str) -> None:
    Tokenizer(models.WordLevel(vocab={"a": 0, "b": largest}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    source = load_tokenizer_source(str(tmp_path), "own")
    assert (source.vocab_size, source.id_type, source.describe()["id_type"]) == (largest + 1, id_type, id_type)
