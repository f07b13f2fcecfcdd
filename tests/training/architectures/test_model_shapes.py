"""Shapes of models: of a loaded model, of a configuration, as published."""

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from spark_jobs.common.errors import ConfigurationError
from training.architectures.model_shapes import ModelShape, config_file, find_shape, shape_of
from training.config import TrainSettings
from training.model.model_loading import load_model, load_tokenizer
from training.model.translation_tags import add_rows, add_tags


def test_the_shape_is_that_of_the_loaded_model_with_its_tags(run_settings, base_model, tmp_path):
    import torch

    settings = TrainSettings(**run_settings(tmp_path / "run"))
    tokenizer = load_tokenizer(str(base_model))
    (_, closing), rows = add_tags(tokenizer)
    model = load_model(settings.model, torch.float32)
    add_rows(model, rows)
    found = find_shape(str(base_model), closing + 1)
    assert found.shape == shape_of(model)
    assert (found.context, found.source) == (128, str(base_model / "config.json"))


@pytest.mark.parametrize("path", ["no/such/folder", "no-such-model"])
def test_a_model_that_no_source_has_is_refused_with_the_sources(path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # a hub that does not answer is asked again and again
    with pytest.raises(ConfigurationError, match=rf"model\.path: '{path}' is neither a folder .*meta-llama/Llama-2-7b-hf"):
        find_shape(path)


def test_a_folder_has_its_own_configuration_and_a_folder_without_one_has_none(base_model, tmp_path):
    assert config_file(str(base_model)) == base_model / "config.json"
    assert config_file(str(tmp_path)) is None
    assert config_file(str(tmp_path / "nothing")) is None


@pytest.mark.parametrize(
    ("tied", "kv_heads", "parameters", "lookup"),
    # 20 x 8 embeddings, and as many for the output unless it is tied. In each of two layers: q and o of 8 x 8, k and v of 8 x 4
    # for each of their heads, three matrices of 8 x 12, and two norms of 8. At the end, one norm.
    [
        (False, 2, 2 * 160 + 2 * (4 * 64 + 3 * 96 + 16) + 8, 160),
        (True, 2, 160 + 2 * (4 * 64 + 3 * 96 + 16) + 8, 0),
        (False, 1, 2 * 160 + 2 * (2 * 64 + 2 * 32 + 3 * 96 + 16) + 8, 160),
    ],
)
def test_parameters_are_counted_once_and_those_that_are_only_looked_up_apart(tied, kv_heads, parameters, lookup):
    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 20}
    model = LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=kv_heads, tie_word_embeddings=tied))
    assert shape_of(model) == ModelShape(
        parameters=parameters,
        lookup_parameters=lookup,
        hidden_size=8,
        num_layers=2,
        num_heads=2,
        num_kv_heads=kv_heads,
        head_dim=4,
        intermediate_size=12,
        vocab_size=20,
        largest_module=160,
    )


@pytest.mark.parametrize(("rows", "vocabulary"), [(0, 63), (63, 63), (70, 70)])
def test_embeddings_grow_to_the_rows_that_are_needed_and_never_shrink(base_model, rows, vocabulary):
    found = find_shape(str(base_model), rows)
    assert found.shape.vocab_size == vocabulary
    # Two blocks: four square matrices of 48 x 48 each, and three of 48 x 96.
    assert found.linear_features == 2 * (4 * (48 + 48) + 3 * (48 + 96))
