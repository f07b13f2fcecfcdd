"""Experts: figures of published models from their configurations, and of every way in which architectures keep experts."""

import doctest

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AutoModelForCausalLM,
    DeepseekV2Config,
    DeepseekV3Config,
    GptOssConfig,
    JetMoeConfig,
    LlamaConfig,
    MixtralConfig,
    MixtralForCausalLM,
    Qwen2MoeConfig,
    Qwen3MoeConfig,
    Qwen3NextConfig,
)

from spark_jobs.common.errors import ConfigurationError
from training.architectures import experts
from training.architectures.experts import expert_numbers, feed_forward_width
from training.architectures.flops import flops_per_token
from training.architectures.model_shapes import shape_of
from training.config import LoraSettings
from training.model.adapters import add_adapters

QWEN3_30B_A3B = Qwen3MoeConfig(  # the config.json of Qwen/Qwen3-30B-A3B
    hidden_size=2048,
    num_hidden_layers=48,
    num_attention_heads=32,
    num_key_value_heads=4,
    head_dim=128,
    intermediate_size=6144,
    moe_intermediate_size=768,
    num_experts=128,
    num_experts_per_tok=8,
    vocab_size=151_936,
    tie_word_embeddings=False,
)
PUBLISHED = {
    # billions of parameters: all, and those that a token uses, as the models' authors state them
    "Mixtral-8x7B": (MixtralConfig(), 46.7, 12.9),
    "Qwen3-30B-A3B": (QWEN3_30B_A3B, 30.5, 3.3),
    "Qwen1.5-MoE-A2.7B": (Qwen2MoeConfig(), 14.3, 2.7),
    "Qwen3-Next-80B-A3B": (Qwen3NextConfig(), 80, 3.9),
    "DeepSeek-V3": (DeepseekV3Config(), 671, 37),
}


def on_meta(config):
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def test_the_worked_examples_hold():
    assert doctest.testmod(experts).failed == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameters_that_a_token_uses_are_the_published_ones(name):
    config, billions, used = PUBLISHED[name]
    shape = shape_of(on_meta(config))
    assert shape.parameters / 1e9 == pytest.approx(billions, rel=0.01)
    assert (shape.parameters - shape.unused_parameters) / 1e9 == pytest.approx(used, rel=0.03)


@pytest.mark.parametrize(("name", "too_high"), [("Mixtral-8x7B", 3.5), ("Qwen3-30B-A3B", 8)])
def test_flops_count_the_chosen_experts_alone(name, too_high):
    shape = shape_of(on_meta(PUBLISHED[name][0]))
    attention = 12 * shape.num_layers * shape.num_heads * shape.head_dim * 2048
    found = flops_per_token(shape, 2048)
    assert found == 6 * (shape.parameters - shape.lookup_parameters - shape.unused_parameters) + attention
    every = found + 6 * shape.unused_parameters
    assert (every - attention) / (found - attention) == pytest.approx(too_high, rel=0.25)


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 96}


@pytest.mark.parametrize("rank", [None, 4], ids=["all is trained", "LoRA"])
def test_flops_are_those_that_torch_counts(rank):
    config = MixtralConfig(**SMALL, intermediate_size=48, num_local_experts=8, num_experts_per_tok=2)
    config._attn_implementation, config._experts_implementation = "eager", "eager"  # whose products torch counts one by one
    model = MixtralForCausalLM(config)
    if rank is not None:
        model = add_adapters(model, LoraSettings(rank=rank), seed=0)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    norms = sum(p.numel() for p in model.parameters() if p.dim() == 1)
    with FlopCounterMode(display=False) as counted:
        model(input_ids=torch.arange(32)[None], use_cache=False).logits.sum().backward()
    expected = (flops_per_token(shape_of(model), 32, trained) - (6 if rank is None else 4) * norms) * 32
    # Under LoRA the first layer's inputs need no gradient; experts that no token chose cost nothing in either.
    assert counted.get_total_flops() == pytest.approx(expected, rel=1e-12 if rank is None else 0.1)


STORED = {
    "one tensor": MixtralConfig(**SMALL, intermediate_size=48, num_local_experts=8, num_experts_per_tok=2),
    "with biases": GptOssConfig(**SMALL, head_dim=8, intermediate_size=48, num_local_experts=8, num_experts_per_tok=2),
    "attention too": JetMoeConfig(
        **{**SMALL, "num_attention_heads": 4}, kv_channels=8, intermediate_size=48, num_local_experts=8, num_experts_per_tok=2
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_a_quarter_of_the_experts_is_used_however_they_are_stored(name):
    model = on_meta(STORED[name])
    found = {key: p.numel() for key, p in model.named_parameters() if p.dim() == 3 and p.shape[0] == 8}
    assert shape_of(model).unused_parameters >= sum(found.values()) * 3 // 4 > 0
    assert shape_of(model).experts_per_token == 2


def test_a_dense_model_uses_all_parameters():
    shape = shape_of(on_meta(LlamaConfig(**SMALL, intermediate_size=48)))
    assert (shape.unused_parameters, shape.experts_per_token, shape.intermediate_size) == (0, 0, 48)


@pytest.mark.parametrize(
    ("config", "width"),
    [
        (MixtralConfig(**SMALL, intermediate_size=48, num_local_experts=8, num_experts_per_tok=2), 96),
        (Qwen3MoeConfig(**SMALL, intermediate_size=48, moe_intermediate_size=16, num_experts=8, num_experts_per_tok=4), 64),
        # the first of two layers is dense
        (
            Qwen3MoeConfig(
                **SMALL, intermediate_size=48, moe_intermediate_size=16, num_experts=8, num_experts_per_tok=4, mlp_only_layers=[0]
            ),
            56,
        ),
        (
            Qwen2MoeConfig(
                **SMALL,
                intermediate_size=48,
                moe_intermediate_size=16,
                shared_expert_intermediate_size=24,
                num_experts=8,
                num_experts_per_tok=4,
            ),
            88,
        ),
    ],
    ids=["mixtral", "qwen3", "one layer is dense", "a shared expert"],
)
def test_the_width_is_that_of_the_layers_that_a_token_goes_through(config, width):
    assert feed_forward_width(on_meta(config), gated=True) == pytest.approx(width, abs=1)


def test_experts_without_their_number_are_refused():
    config = DeepseekV2Config(**SMALL, num_experts_per_tok=None, first_k_dense_replace=0, moe_intermediate_size=16)
    assert expert_numbers(config) is None
    with pytest.raises(ConfigurationError, match=r"deepseek_v2 has experts \(model.layers.0.mlp.experts.*does not say how many"):
        shape_of(on_meta(config))
