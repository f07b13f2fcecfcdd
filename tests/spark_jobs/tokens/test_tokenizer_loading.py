import json

import pytest
from tokenizers import Tokenizer, models

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source
from spark_jobs.tokens.tokenizer_source import TokenizerSource


def test_a_published_tokenizer_reads_back_the_same(source: TokenizerSource, tmp_path) -> None:
    (tmp_path / "tokenizer.json").write_text(source.tokenizer_json, encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(source.tokenizer_config, encoding="utf-8")
    again = load_tokenizer_source(str(tmp_path), source.name)
    assert (again.tokenizer_json, again.tokenizer_config) == (source.tokenizer_json, source.tokenizer_config)
    assert load_tokenizer_source(str(tmp_path / "tokenizer.json"), source.name) == again
    assert json.loads(again.tokenizer_config)["bos_token"] == "<s>"


def test_a_hub_id_may_contain_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigurationError, match="is neither a local file or folder nor available on the Hugging Face hub"):
        load_tokenizer_source("example/Model-v0.1", "x")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("./nowhere/tokenizer.json", "file nowhere/tokenizer.json not found"),
        ("package:no_such_package/x.json", "pip install no-such-package"),
        ("package:mistral_common/data/none.model", "file .* not found"),
    ],
)
def test_a_missing_tokenizer_is_refused_with_the_remedy(spec: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_tokenizer_source(spec, "x")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", r"tokenizer\.json: the tokenizers library cannot read this tokenizer\.json .*save_pretrained"),
        ("not JSON", r"the tokenizers library cannot read this tokenizer\.json"),
        (
            Tokenizer(models.BPE(vocab={"a": 0}, merges=[], dropout=0.1)).to_str(),
            r"drops merges at random \(model\.dropout is 0\.1.*set it to null",
        ),
    ],
)
def test_an_invalid_or_random_tokenizer_file_is_refused(tmp_path, content, reason) -> None:
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=reason):
        load_tokenizer_source(str(tmp_path), "own")
