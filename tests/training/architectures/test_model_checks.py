"""Positions and attention that are refused before weights are read."""

import importlib.util

import pytest
from transformers import LlamaConfig

from spark_jobs.common.errors import ConfigurationError
from training.architectures.model_checks import check_attention, check_context


def test_a_sequence_beyond_the_models_positions_is_refused_before_its_weights_are_read(tmp_path):
    LlamaConfig(max_position_embeddings=128).save_pretrained(tmp_path)  # there are no weights
    check_context(str(tmp_path), 128)
    with pytest.raises(ConfigurationError, match=r"stream\.sequence_length: 129 exceeds the 128 positions .* use at most 128"):
        check_context(str(tmp_path), 129)
    with pytest.raises(ConfigurationError, match=r"model\.path: .*nothing' has no configuration that transformers knows"):
        check_context(str(tmp_path / "nothing"), 128)


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
