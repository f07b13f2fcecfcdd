"""FLOPs of a token, MFU, and what accelerators can do, against published figures."""

import doctest
import re

import pytest

from training import flops
from training.flops import ACCELERATORS, accelerator, flops_per_token, memory_bytes, mfu, peak_flops
from training.model_shapes import ModelShape

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
    assert (accelerator(name), peak_flops(name, "bf16"), memory_bytes(name)) == (None, None, None)
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
