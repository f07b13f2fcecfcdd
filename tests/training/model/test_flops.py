"""FLOPs of a token, MFU, and what accelerators can do, against published figures."""

import doctest
import json
import os
import re
from dataclasses import replace
from unittest import mock

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from training.config import LoraSettings, TrainSettings
from training.model import flops
from training.model.accelerators import ACCELERATORS, find_accelerator, memory_bytes, peak_flops
from training.model.adapters import add_adapters
from training.model.flops import flops_per_token, mfu
from training.model.model_loading import load_model
from training.model.model_shapes import ModelShape, shape_of
from training.train import train

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
    ("length", "by_hand"),
    [
        # 6 x (6,738,415,616 - 32,000 x 4,096) + 12 x 32 x 4,096 x T
        (1, 39_644_061_696 + 1_572_864),
        (2048, 39_644_061_696 + 3_221_225_472),
        (4096, 39_644_061_696 + 6_442_450_944),
    ],
)
def test_a_token_costs_six_flops_a_multiplied_parameter_and_attention_grows_with_the_sequence(length, by_hand):
    assert flops_per_token(LLAMA_2_7B, length) == by_hand


def test_frozen_parameters_cost_four_flops_and_those_of_adapters_six():
    adapters = 8 * 32 * (4 * (4096 + 4096) + 3 * (4096 + 11_008))  # LoRA of rank 8 on the seven linear layers of each of 32
    shape = replace(LLAMA_2_7B, parameters=LLAMA_2_7B.parameters + adapters)
    by_hand = 4 * (6_738_415_616 - 32_000 * 4_096) + 6 * adapters + 12 * 32 * 4_096 * 2048
    assert flops_per_token(shape, 2048, trained=adapters) == by_hand


def test_where_all_is_trained_it_does_not_matter_whether_that_is_said():
    assert flops_per_token(LLAMA_2_7B, 2048, trained=LLAMA_2_7B.parameters) == flops_per_token(LLAMA_2_7B, 2048)


@pytest.mark.parametrize("rank", [None, 4], ids=["all is trained", "LoRA"])
def test_they_are_those_that_torch_counts_forward_and_backward(rank):
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
def test_mfu_is_what_others_publish_for_the_same_speed(gpu, tokens_per_second, published):
    found = mfu(flops_per_token(MPT_7B, 2048), tokens_per_second, peak_flops(gpu, "bf16"))
    assert found == pytest.approx(published, abs=0.001)


@pytest.mark.parametrize(
    ("name", "bf16", "fp32", "gigabytes"),
    # Names as torch prints them; TFLOPS of NVIDIA's datasheets, halved where those state sparsity.
    [
        ("NVIDIA A100-SXM4-40GB", 312, 19.5, 40),
        ("NVIDIA A100-SXM4-80GB", 312, 19.5, 80),
        ("A100-SXM4-40GB", 312, 19.5, 40),
        ("NVIDIA A100-PCIE-40GB", 312, 19.5, 40),
        ("NVIDIA A100 80GB PCIe", 312, 19.5, 80),
        ("NVIDIA H100 80GB HBM3", 1978.9 / 2, 66.9, 80),
        ("NVIDIA H100 PCIe", 1513 / 2, 51.2, 80),
        ("NVIDIA H200", 1979 / 2, 66.9, 141),
        ("NVIDIA B200", 4500 / 2, 75, 180),
        ("NVIDIA L40S", 733 / 2, 91.6, 48),
        ("NVIDIA A10", 250 / 2, 31.2, 24),
        ("NVIDIA A10G", 140 / 2, 35, 24),
    ],
)
def test_peaks_are_the_vendors_without_sparsity(name, bf16, fp32, gigabytes):
    assert peak_flops(name, "bf16") == pytest.approx(bf16 * 1e12, rel=0.015)
    assert peak_flops(name, "fp16") == peak_flops(name, "bf16")
    assert peak_flops(name, "fp32") == pytest.approx(fp32 * 1e12)
    assert memory_bytes(name) == gigabytes * 2**30


@pytest.mark.parametrize(
    "name",
    [
        "",
        "cpu",
        "NVIDIA H100",
        "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
        "NVIDIA H100 80GB HBM3 MIG 3g.40gb",
        "GRID A100-10C",
        "NVIDIA A40-48Q",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 4090 D",
    ],
)
def test_a_part_of_a_device_another_variant_or_an_unknown_name_has_no_peak(name):
    assert (find_accelerator(name), peak_flops(name, "bf16"), memory_bytes(name)) == (None, None, None)
    assert mfu(1e9, 1e4, peak_flops(name, "bf16")) is None


def test_volta_and_turing_multiply_in_fp16_but_not_in_bf16():
    for name in ("Tesla V100-SXM2-32GB", "Tesla V100-PCIE-16GB", "Tesla T4"):
        assert peak_flops(name, "bf16") is None
        assert peak_flops(name, "fp16") > peak_flops(name, "fp32") > 0
    assert memory_bytes("Tesla V100-SXM2-32GB") == 32 * 2**30


def test_every_example_is_known_by_its_own_entry_alone():
    for entry in ACCELERATORS:
        assert [other for other in ACCELERATORS if re.fullmatch(other.pattern, entry.example)] == [entry]
        assert memory_bytes(entry.example) >= 16 * 2**30


def test_a_run_with_adapters_is_told_the_mfu_of_what_it_trains(run_settings, base_model, tmp_path, monkeypatch):
    monkeypatch.setattr("training.train.peak_flops", lambda name, precision: 1e12)  # of CPUs none is known
    model = {"path": str(base_model), "precision": "fp32", "lora": {"rank": 4}}
    settings = TrainSettings(**run_settings(tmp_path / "run", 0, model=model, steps=2, insertion={"tags": False}, optimizer={}))
    with mock.patch.dict(os.environ):  # a run alone names itself there, and those that are launched later would read it
        train(settings)
    adapted = add_adapters(load_model(settings.model, torch.float32), settings.model.lora, 0)
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    per_token = flops_per_token(shape_of(adapted), 64, trained)
    for line in map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()):
        assert line["mfu"] == pytest.approx(mfu(per_token, line["tokens_per_second_per_gpu"], 1e12), rel=1e-9)
