"""The untrained tiny model."""

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.model.tiny_model import TinyModelSettings, make_tiny_model


def test_the_tiny_model_is_the_same_for_the_same_seed(corpus, tmp_path):
    sizes = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "intermediate_size": 16}
    weights = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make_tiny_model(TinyModelSettings(tokenizer=corpus.tokenizer, output_dir=tmp_path / name, seed=seed, **sizes))
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_the_tiny_model_is_not_written_over_another(corpus, tmp_path):
    settings = TinyModelSettings(tokenizer=corpus.tokenizer, output_dir=tmp_path / "a", num_layers=1)
    make_tiny_model(settings)
    with pytest.raises(ConfigurationError, match="holds a model already"):
        make_tiny_model(settings)


def test_a_tiny_model_needs_a_tokenizer(tmp_path):
    with pytest.raises(ConfigurationError, match=r"holds no tokenizer\.json; run spark_jobs/encode\.py"):
        make_tiny_model(TinyModelSettings(tokenizer=tmp_path, output_dir=tmp_path / "a"))
