"""Positions and attention that are refused before weights are read."""

import importlib.util
import shutil

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.architectures.model_checks import check_attention, check_model
from training.config import ModelSettings


def test_a_sequence_beyond_the_models_positions_is_refused_before_its_weights_are_read(base_model, tmp_path):
    settings = ModelSettings(path=str(base_model))
    check_model(settings, 128)
    with pytest.raises(ConfigurationError, match=r"stream\.sequence_length: 129 exceeds the 128 positions .* use at most 128"):
        check_model(settings, 129)
    with pytest.raises(ConfigurationError, match=r"model\.path: .*nothing' is not a folder"):
        check_model(ModelSettings(path=str(tmp_path / "nothing")), 128)


@pytest.mark.parametrize("content", [None, "{", '{"model_type": "unheard-of"}'], ids=["none", "torn", "unknown"])
def test_a_model_without_a_configuration_is_refused(base_model, tmp_path, content):
    shutil.copytree(base_model, tmp_path / "model")
    (tmp_path / "model" / "config.json").unlink()
    if content is not None:
        (tmp_path / "model" / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"model\.path: .*model' has no configuration that transformers knows"):
        check_model(ModelSettings(path=str(tmp_path / "model")), 128)


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
