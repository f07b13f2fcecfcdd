"""Weights that are read tensor by tensor."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from spark_jobs.common.errors import ConfigurationError
from training.config import ModelSettings
from training.model import weight_files as weights
from training.model.model_loading import load_model


@pytest.fixture
def saved(tmp_path):
    """`saved(tied)` is the folder of a small Llama in several shards."""

    def save(tied=False):
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 64}
        model = LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=tied))
        model.generation_config.temperature = 0.6
        model.generation_config.do_sample = True
        model.save_pretrained(tmp_path / "model", max_shard_size="20KB")
        assert len(list((tmp_path / "model").glob("*.safetensors"))) > 2
        return tmp_path / "model"

    return save


def values(model):
    return {name: tensor.tolist() for name, tensor in model.state_dict().items()}


def rewrite(folder, change):
    """Change the names of a model's tensors, or the tensors, in one file."""
    tensors = {name: tensor for file in weights.list_weight_files(folder) for name, tensor in load_file(file).items()}
    for file in folder.glob("*.safetensors*"):
        file.unlink()
    save_file(change(tensors), folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_read_tensor_by_tensor_is_the_one_that_transformers_loads(saved, monkeypatch, tied, dtype):
    folder = saved(tied)
    expected = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", None)  # no other code may read them
    model = load_model(ModelSettings(path=str(folder)), dtype)
    assert values(model) == values(expected)
    assert (model.get_input_embeddings().weight is model.get_output_embeddings().weight) == tied
    assert {name: b.tolist() for name, b in model.named_buffers()} == {name: b.tolist() for name, b in expected.named_buffers()}
    assert model.generation_config.to_dict() == expected.generation_config.to_dict()
    assert model.training


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: {name.removeprefix("model."): tensor for name, tensor in tensors.items()},
        lambda tensors: tensors | {"model.rotary_emb.inv_freq": torch.ones(8)},
    ],
    ids=["names of the body alone", "with buffers of old checkpoints"],
)
def test_names_of_other_versions_are_read_as_by_transformers(saved, change):
    folder = saved()
    expected = values(AutoModelForCausalLM.from_pretrained(folder))
    rewrite(folder, change)
    assert values(load_model(ModelSettings(path=str(folder)), torch.float32)) == expected


@pytest.mark.parametrize(
    ("change", "is_readable"),
    [
        (lambda found: found, True),
        (lambda found: found | {"model.layers.0.self_attn.rotary_emb.inv_freq": (8,)}, True),
        (lambda found: found | {"model.layers.2.mlp.up_proj.weight": (32, 32)}, False),
        (lambda found: found | {"model.norm.weight": (31,)}, False),
        (lambda found: {name: shape for name, shape in found.items() if name != "model.norm.weight"}, False),
        (lambda found: {name.removeprefix("model."): shape for name, shape in found.items()}, False),
    ],
    ids=["its own", "old buffers", "a layer more", "another shape", "one missing", "other names"],
)
def test_only_files_that_fill_the_model_exactly_are_read_tensor_by_tensor(saved, change, is_readable):
    folder = saved()
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert weights.can_load_weights(model, change(weights.tensor_shapes(weights.list_weight_files(folder)))) is is_readable


def test_an_incomplete_download_is_refused_with_the_missing_file(saved):
    folder = saved()
    missing = weights.list_weight_files(folder)[1]
    missing.unlink()
    with pytest.raises(ConfigurationError, match=rf"{missing.name} does not exist; weights are read from safetensors only"):
        load_model(ModelSettings(path=str(folder)), torch.float32)


def test_an_index_that_leads_out_of_the_folder_is_refused(saved):
    folder = saved()
    index = json.loads((folder / weights.INDEX).read_text())
    index["weight_map"]["model.norm.weight"] = "../elsewhere.safetensors"
    (folder / weights.INDEX).write_text(json.dumps(index))
    with pytest.raises(ConfigurationError, match=r"names the file '\.\./elsewhere\.safetensors', which is not a plain file name"):
        weights.list_weight_files(folder)
