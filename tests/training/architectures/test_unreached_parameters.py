"""Parameters that get no gradient, against a backward pass with values."""

import pytest
import torch
from transformers import AutoModelForCausalLM, DeepseekV32Config, GitConfig, GPT2Config, LlamaConfig, MixtralConfig, Qwen3Config

from training.architectures.unreached_parameters import find_unreached, freeze_unreached
from training.config import LoraSettings, OptimizerSettings
from training.engine.optimizer import build_optimizer
from training.model.adapters import add_adapters

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 64}
VISION = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28}
VISION |= {"patch_size": 14}
IDS_OF_GIT = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
ARCHITECTURES = {
    "llama": LlamaConfig(**SMALL, intermediate_size=48),
    "tied qwen3": Qwen3Config(**SMALL, intermediate_size=48, head_dim=8, num_key_value_heads=2, tie_word_embeddings=True),
    "gpt2": GPT2Config(n_embd=16, n_head=2, n_layer=1, vocab_size=64, bos_token_id=1, eos_token_id=2),
    "mixtral": MixtralConfig(**SMALL, intermediate_size=48, num_key_value_heads=2, num_local_experts=2, num_experts_per_tok=2),
    "git": GitConfig(vision_config=VISION, **SMALL, intermediate_size=48, **IDS_OF_GIT),
}
IDS = torch.arange(3, 19)[None]


def new_model(kind):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(ARCHITECTURES[kind]).train()


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_those_that_a_backward_pass_leaves_without_a_gradient_are_found(kind):
    model = new_model(kind)
    model(input_ids=IDS, use_cache=False).logits.sum().backward()
    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert find_unreached(type(model), model.config) == without
    assert bool(without) == (kind == "git")


def test_they_are_frozen_and_do_not_decay(caplog):
    model = new_model("git")
    freeze_unreached(model, announce=True)
    assert "git: git.image_encoder" in caplog.text
    assert "get no gradient from a text and are frozen" in caplog.text
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen
    assert all("image_encoder" in name or "visual" in name for name in frozen)
    optimizer = build_optimizer(OptimizerSettings(learning_rate=0.1, weight_decay=0.5), model)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)  # as in DeepSpeed's flat arrays
    optimizer.step()
    unchanged = {name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])}
    assert frozen <= unchanged != set(before)


def test_layers_without_a_gradient_get_no_adapters():
    model = new_model("git")
    freeze_unreached(model, announce=False)
    trained = {
        name for name, parameter in add_adapters(model, LoraSettings(rank=2), 0).named_parameters() if parameter.requires_grad
    }
    assert trained
    assert not any("image_encoder" in name or "visual" in name for name in trained)


def test_a_model_for_flash_attention_is_examined_without_its_package():
    model = new_model("llama")
    model.config._attn_implementation = "flash_attention_2"
    assert find_unreached(type(model), model.config) == frozenset()


def test_the_indexer_of_sparse_attention_is_found():
    heads = {"qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8, "q_lora_rank": 16, "kv_lora_rank": 16}
    index = {"index_n_heads": 2, "index_head_dim": 16, "index_topk": 4, "first_k_dense_replace": 1}
    experts = {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16}
    config = DeepseekV32Config(**SMALL, num_key_value_heads=4, **heads, **index, **experts, intermediate_size=48)
    with torch.device("meta"):
        model_class = type(AutoModelForCausalLM.from_config(config))
    found = find_unreached(model_class, config)
    assert found
    assert all("indexer" in name for name in found)


class Reading(torch.nn.Module):
    """A model whose forward pass depends on values."""

    config = LlamaConfig(**SMALL)

    def __init__(self, config):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, input_ids, use_cache):
        raise RuntimeError(f"reads {input_ids.sum().item()}")


def test_an_architecture_that_computes_with_values_is_reported_and_trained_whole(caplog):
    model = Reading(None)
    assert find_unreached(Reading, Reading.config) is None
    freeze_unreached(model, announce=True)
    assert model.weight.requires_grad
    assert "could not be found from shapes alone" in caplog.text
