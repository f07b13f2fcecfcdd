"""Model directories that are refused, each with its reason."""

import re
import shutil

import pytest

from eval.scoring.model_directory import check_model_directory
from spark_jobs.common.errors import ConfigurationError


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("config.json", "holds no config.json"),
        ("model.safetensors", "holds no model.safetensors or model.safetensors.index.json; other formats may run code"),
        ("tokenizer.json", "holds no tokenizer"),
    ],
)
def test_an_incomplete_model_directory_is_refused(tiny_model, tmp_path, removed, message):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / removed).unlink()
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        check_model_directory(tmp_path / "model")


def test_a_pickle_beside_an_adapters_safetensors_is_refused(pickled_model):
    with pytest.raises(ConfigurationError, match=r"holds no model\.safetensors or"):
        check_model_directory(pickled_model)


def test_an_adapter_without_its_base_is_refused(tiny_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"holds an adapter .* merge the two"):
        check_model_directory(model)
