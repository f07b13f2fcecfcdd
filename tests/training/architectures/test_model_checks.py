"""Positions and attention that are refused before weights are read."""

import importlib.util

import pytest
from transformers import Gemma3Config, Llama4TextConfig, LlamaConfig

from spark_jobs.common.errors import ConfigurationError
from training.architectures.model_checks import check_attention, check_configuration, check_parts
from training.config import ModelSettings


def test_a_sequence_beyond_the_models_positions_is_refused_before_its_weights_are_read(tmp_path):
    LlamaConfig(max_position_embeddings=128).save_pretrained(tmp_path)  # there are no weights
    settings = ModelSettings(path=str(tmp_path))
    check_configuration(settings, 128)
    with pytest.raises(ConfigurationError, match=r"stream\.sequence_length: 129 exceeds the 128 positions .* use at most 128"):
        check_configuration(settings, 129)
    with pytest.raises(ConfigurationError, match=r"model\.path: .*nothing' has no configuration that transformers knows"):
        check_configuration(ModelSettings(path=str(tmp_path / "nothing")), 128)
    with pytest.raises(ConfigurationError, match=r"model\.safetensors does not exist"):
        check_parts(settings)


def test_the_positions_of_a_multimodal_model_are_those_of_its_text_model(tmp_path):
    Gemma3Config(text_config={"max_position_embeddings": 64}).save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match=r"stream\.sequence_length: 65 exceeds the 64 positions"):
        check_configuration(ModelSettings(path=str(tmp_path)), 65)


def test_a_router_loss_that_cannot_be_computed_is_refused_before_weights_are_read(tmp_path):
    Llama4TextConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match=r"llama4_text .*; model\.router_loss=0 trains it without this loss"):
        check_configuration(ModelSettings(path=str(tmp_path)), 16)
    check_configuration(ModelSettings(path=str(tmp_path), router_loss=0), 16)


@pytest.mark.parametrize("content", ["{", '{"model_type": "unheard-of"}'], ids=["torn", "unknown"])
def test_a_model_without_a_configuration_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"model\.path: .* has no configuration that transformers knows"):
        check_configuration(ModelSettings(path=str(tmp_path)), 128)


def test_flash_attention_is_refused_where_its_package_is_missing():
    if importlib.util.find_spec("flash_attn") is not None:
        pytest.skip("flash-attn is installed")
    with pytest.raises(
        ConfigurationError, match=r"model\.attention: .* needs the package flash-attn.* use model\.attention=sdpa"
    ):
        check_attention("flash_attention_2", "bf16", "cuda")


@pytest.mark.parametrize(("precision", "device"), [("fp32", "cuda"), ("bf16", "cpu")])
def test_flash_attention_is_refused_off_gpus_and_in_fp32(monkeypatch, tmp_path, precision, device):
    (tmp_path / "flash_attn").mkdir()  # a package of that name is found
    (tmp_path / "flash_attn" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigurationError, match=rf"runs in bf16 on GPUs, and this run is {precision} on {device}; use"):
        check_attention("flash_attention_2", precision, device)
    check_attention("flash_attention_2", "bf16", "cuda")


@pytest.mark.parametrize("attention", ["auto", "eager", "sdpa"])
def test_other_attentions_run_everywhere(attention):
    check_attention(attention, "fp32", "cpu")
