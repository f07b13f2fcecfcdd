"""Loading a model: only safetensors, code only on request, devices and context lengths."""

import json
import shutil

import pytest

from eval.scoring.evaluation_run import evaluate_model
from spark_jobs.common.errors import ConfigurationError


def test_loading_does_not_read_a_pickle(make_settings, pickled_model):
    from transformers import AutoModelForCausalLM

    from eval.scoring.language_model import load_language_model

    assert AutoModelForCausalLM.from_pretrained(pickled_model, use_safetensors=False) is not None  # it could be read
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_language_model(make_settings(model=pickled_model))


def test_cuda_is_refused_without_a_device(make_settings):
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    with pytest.raises(ConfigurationError, match="device: 'cuda' is not available"):
        evaluate_model(make_settings(device="cuda"))


def test_a_prompt_longer_than_the_context_is_refused(make_settings, tiny_model, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 40}))
    evaluate_model(make_settings(model=model, tasks=["xcsqa_en"], num_fewshot=0))
    with pytest.raises(ConfigurationError, match=r"num_fewshot: .* takes \d+ tokens, the model reads 40; set fewer examples"):
        evaluate_model(make_settings(model=model, tasks=["xcsqa_en"], num_fewshot=4))


@pytest.mark.parametrize("trusted", [False, True])
def test_code_in_the_model_directory_runs_only_if_configured(make_settings, model_with_code, trusted, monkeypatch, tmp_path):
    folder, mark = model_with_code
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    evaluate_model(make_settings(model=folder, trust_remote_code=trusted))
    assert mark.exists() == trusted
