"""FLOPs of a token and MFU, against published figures."""

import doctest
import json
import os
from dataclasses import replace
from unittest import mock

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from training.architectures import flops
from training.architectures.accelerators import peak_flops
from training.architectures.flops import flops_per_token, mfu
from training.architectures.model_shapes import ModelShape, shape_of
from training.config import LoraSettings, TrainSettings
from training.loop.trainer import train
from training.model.adapters import add_adapters
from training.model.model_loading import load_model

LLAMA_2_7B = ModelShape(
    parameters=6_738_415_616,
    lookup_parameters=131_072_000,
    hidden_size=4096,
    num_layers=32,
    num_heads=32,
    num_kv_heads=32,
    head_dim=128,
    intermediate_size=11_008,
    vocab_size=32_000,
)
# MosaicML's MPT-7B, as LLM-Foundry's benchmark trains it: 12 h^2 a layer, 50,368 tokens shared with the output, positions.
MPT_7B = ModelShape(
    parameters=32 * 12 * 4096**2 + (50_368 + 2048) * 4096,
    lookup_parameters=0,
    hidden_size=4096,
    num_layers=32,
    num_heads=32,
    num_kv_heads=32,
    head_dim=128,
    intermediate_size=16_384,
    vocab_size=50_368,
    gated_mlp=False,
)


def test_the_worked_examples_hold():
    assert doctest.testmod(flops).failed == 0


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        # 6 x (6,738,415,616 - 32,000 x 4,096) + 12 x 32 x 4,096 x T
        (1, 39_644_061_696 + 1_572_864),
        (2048, 39_644_061_696 + 3_221_225_472),
        (4096, 39_644_061_696 + 6_442_450_944),
    ],
)
def test_a_token_costs_six_flops_a_multiplied_parameter_and_attention_grows_with_the_sequence(length, expected):
    assert flops_per_token(LLAMA_2_7B, length) == expected


def test_frozen_parameters_cost_four_flops_and_those_of_adapters_six():
    adapters = 8 * 32 * (4 * (4096 + 4096) + 3 * (4096 + 11_008))  # LoRA of rank 8 on the seven linear layers of each of 32
    shape = replace(LLAMA_2_7B, parameters=LLAMA_2_7B.parameters + adapters)
    expected = 4 * (6_738_415_616 - 32_000 * 4_096) + 6 * adapters + 12 * 32 * 4_096 * 2048
    assert flops_per_token(shape, 2048, trained=adapters) == expected


def test_if_all_is_trained_the_number_of_trained_parameters_may_be_left_out():
    assert flops_per_token(LLAMA_2_7B, 2048, trained=LLAMA_2_7B.parameters) == flops_per_token(LLAMA_2_7B, 2048)


@pytest.mark.parametrize("rank", [None, 4], ids=["all is trained", "LoRA"])
def test_flops_are_those_that_torch_counts_forward_and_backward(rank):
    length, h, heads, keys = 32, 64, 4, 2
    sizes = {"hidden_size": h, "intermediate_size": 112, "num_attention_heads": heads, "num_key_value_heads": keys}
    config = LlamaConfig(vocab_size=96, num_hidden_layers=3, **sizes)
    config._attn_implementation = "eager"  # whose products torch counts one by one
    model = LlamaForCausalLM(config)
    if rank is not None:
        model = add_adapters(model, LoraSettings(rank=rank), seed=0)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    shape = shape_of(model)
    norms = sum(p.numel() for p in model.parameters() if p.dim() == 1)  # which multiply no matrix
    expected = flops_per_token(replace(shape, parameters=shape.parameters - norms), length, trained)
    if rank is not None:  # nothing before the first layer's adapters of queries, keys and values is trained
        expected -= 2 * h * (h + 2 * h * keys // heads) + 3 * 2 * h * rank
    with FlopCounterMode(display=False) as counted:
        model(input_ids=torch.arange(length)[None], use_cache=False).logits.sum().backward()
    assert counted.get_total_flops() == expected * length


@pytest.mark.parametrize(
    ("gpu", "tokens_per_second", "published"),
    # github.com/mosaicml/llm-foundry, scripts/train/benchmarking/README.md: MPT-7B, 2,048 tokens, bf16, tokens/s of a GPU, MFU.
    [("NVIDIA A100-SXM4-80GB", 4641, 0.642), ("NVIDIA H100 80GB HBM3", 10_643, 0.464)],
)
def test_mfu_is_the_published_one_for_the_same_speed(gpu, tokens_per_second, published):
    found = mfu(flops_per_token(MPT_7B, 2048), tokens_per_second, peak_flops(gpu, "bf16"))
    assert found == pytest.approx(published, abs=0.001)


def test_a_run_with_adapters_logs_the_mfu_of_its_trained_parameters(run_settings, base_model, tmp_path, monkeypatch):
    monkeypatch.setattr("training.loop.trainer.peak_flops", lambda name, precision: 1e12)  # CPUs have no known peak
    model = {"path": str(base_model), "precision": "fp32", "lora": {"rank": 4}}
    settings = TrainSettings(**run_settings(tmp_path / "run", 0, model=model, steps=2, insertion={"tags": False}, optimizer={}))
    with mock.patch.dict(os.environ):  # a run without a launcher sets variables there, which later runs would read
        train(settings)
    adapted = add_adapters(load_model(settings.model, torch.float32), settings.model.lora, 0)
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    per_token = flops_per_token(shape_of(adapted), 64, trained)
    for line in map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()):
        assert line["mfu"] == pytest.approx(mfu(per_token, line["tokens_per_second_per_gpu"], 1e12), rel=1e-9)
