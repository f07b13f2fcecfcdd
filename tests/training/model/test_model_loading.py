"""Models and tokenizers that are refused, and the untrained tiny model."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from spark_jobs.common.errors import ConfigurationError
from training.config import ModelSettings
from training.model.model_loading import load_model, load_tokenizer


def tiny_llama(rows: int, tied: bool) -> LlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=rows, tie_word_embeddings=tied, **sizes))


def test_a_path_without_a_model_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no tokenizer could be loaded from .*training\.tiny"):
        load_tokenizer(str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match=r"nothing' is not a folder .* and the hub does not have the model"):
        load_model(ModelSettings(path=str(tmp_path / "nothing")), torch.float32)


def test_weights_that_are_not_safetensors_are_refused(corpus, tmp_path):
    model = tiny_llama(63, tied=False)
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match=r"model\.safetensors does not exist; weights are read from safetensors only"):
        load_model(ModelSettings(path=str(tmp_path)), torch.float32)
