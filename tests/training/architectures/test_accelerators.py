"""Peak FLOPs and memory of accelerators, against published figures."""

import doctest
import re

import pytest

from training.architectures import accelerators
from training.architectures.accelerators import ACCELERATORS, find_accelerator, memory_bytes, peak_flops
from training.architectures.flops import mfu


def test_the_worked_examples_hold():
    assert doctest.testmod(accelerators).failed == 0


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


def test_every_example_matches_its_own_entry_only():
    for entry in ACCELERATORS:
        assert [other for other in ACCELERATORS if re.fullmatch(other.pattern, entry.example)] == [entry]
        assert memory_bytes(entry.example) >= 16 * 2**30
