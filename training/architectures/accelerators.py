"""Accelerators: their peak FLOPs and memory, as their vendors publish them, by the device names that torch prints."""

import re
from typing import Literal, NamedTuple

Precision = Literal["bf16", "fp16", "fp32"]


class Accelerator(NamedTuple):
    """A vendor's figures for a device: dense, that is without sparsity, which doubles the figure on most datasheets."""

    pattern: str
    """The whole name that `torch.cuda.get_device_name` prints, as a regular expression. A group `gb` holds its memory."""
    example: str
    """A name that it matches."""
    bf16: float | None
    """TFLOPS of matrix products with fp32 accumulation; None where the device has none."""
    fp16: float
    """The same in fp16."""
    fp32: float
    """TFLOPS in fp32 without TF32; by default torch multiplies fp32 matrices without it."""
    memory_gb: int | None
    """GB of memory where the name does not contain it."""
    source: str
    """The vendor's document."""


_SXM_GB = r"(?P<gb>[0-9]+)GB"
_NV = r"(?:NVIDIA |Tesla )?"

ACCELERATORS = (
    Accelerator(
        rf"{_NV}A100-(?:SXM4|PCI[Ee])-{_SXM_GB}", "NVIDIA A100-SXM4-80GB", 312, 312, 19.5, None, "NVIDIA A100 datasheet (2021)"
    ),
    Accelerator(rf"{_NV}A100 {_SXM_GB} PCIe", "NVIDIA A100 80GB PCIe", 312, 312, 19.5, None, "NVIDIA A100 datasheet (2021)"),
    Accelerator(
        rf"{_NV}A800(?: |-SXM4-|-PCIe-){_SXM_GB}(?: PCIe)?", "NVIDIA A800-SXM4-80GB", 312, 312, 19.5, None, "A800 datasheet"
    ),
    Accelerator(
        rf"{_NV}H100 {_SXM_GB} HBM3", "NVIDIA H100 80GB HBM3", 989.4, 989.4, 66.9, None, "NVIDIA H100 white paper, SXM5 column"
    ),
    Accelerator(rf"{_NV}H100 PCIe", "NVIDIA H100 PCIe", 756, 756, 51.2, 80, "NVIDIA H100 white paper, PCIe column"),
    Accelerator(rf"{_NV}H100 NVL", "NVIDIA H100 NVL", 835, 835, 60, 94, "NVIDIA H100 datasheet, NVL column"),
    Accelerator(rf"{_NV}H800", "NVIDIA H800", 989.4, 989.4, 66.9, 80, "NVIDIA H800 datasheet: an H100 SXM5 with slower links"),
    Accelerator(rf"{_NV}H200", "NVIDIA H200", 989.4, 989.4, 66.9, 141, "NVIDIA H200 datasheet, SXM column"),
    Accelerator(rf"{_NV}H200 NVL", "NVIDIA H200 NVL", 835, 835, 60, 141, "NVIDIA H200 datasheet, NVL column"),
    Accelerator(  # the name's GB are the CPU's
        rf"{_NV}GH200 [0-9]+GB", "NVIDIA GH200 480GB", 989.4, 989.4, 66.9, 96, "NVIDIA GH200 datasheet"
    ),
    Accelerator(rf"{_NV}B200", "NVIDIA B200", 2250, 2250, 75, 180, "NVIDIA HGX B200 datasheet, an eighth"),
    Accelerator(rf"{_NV}GB200", "NVIDIA GB200", 2500, 2500, 80, 186, "NVIDIA GB200 NVL72 datasheet, a 72nd"),
    Accelerator(rf"{_NV}L40S", "NVIDIA L40S", 362, 362, 91.6, 48, "NVIDIA L40S datasheet"),
    Accelerator(rf"{_NV}L40", "NVIDIA L40", 181, 181, 90.5, 48, "NVIDIA L40 datasheet"),
    Accelerator(rf"{_NV}L4", "NVIDIA L4", 121, 121, 30.3, 24, "NVIDIA L4 datasheet"),
    Accelerator(rf"{_NV}A40", "NVIDIA A40", 149.7, 149.7, 37.4, 48, "NVIDIA A40 datasheet"),
    Accelerator(rf"{_NV}A30", "NVIDIA A30", 165, 165, 10.3, 24, "NVIDIA A30 datasheet"),
    Accelerator(rf"{_NV}A10", "NVIDIA A10", 125, 125, 31.2, 24, "NVIDIA A10 datasheet"),
    Accelerator(rf"{_NV}A10G", "NVIDIA A10G", 70, 70, 35, 24, "NVIDIA A10G datasheet for AWS"),
    Accelerator(rf"{_NV}RTX A6000", "NVIDIA RTX A6000", 154.8, 154.8, 38.7, 48, "NVIDIA GA102 white paper"),
    Accelerator(rf"{_NV}V100-SXM[23]-{_SXM_GB}(?:-LS)?", "Tesla V100-SXM2-32GB", None, 125, 15.7, None, "NVIDIA V100 datasheet"),
    Accelerator(rf"{_NV}V100-PCIE-{_SXM_GB}", "Tesla V100-PCIE-16GB", None, 112, 14, None, "NVIDIA V100 datasheet"),
    Accelerator(rf"{_NV}T4", "Tesla T4", None, 65, 8.1, 16, "NVIDIA T4 datasheet"),
    Accelerator(r"(?:NVIDIA )?GeForce RTX 4090", "NVIDIA GeForce RTX 4090", 165.2, 165.2, 82.6, 24, "NVIDIA Ada white paper"),
    Accelerator(r"(?:NVIDIA )?GeForce RTX 3090", "NVIDIA GeForce RTX 3090", 71, 71, 35.6, 24, "NVIDIA GA102 white paper"),
    Accelerator(r"AMD Instinct MI300X.*", "AMD Instinct MI300X", 1307.4, 1307.4, 163.4, 192, "AMD Instinct MI300X data sheet"),
)
"""Known devices. A part of one (MIG, vGPU), a laptop's or another variant has another name, matches no entry, and is unknown."""


def find_accelerator(device_name: str) -> Accelerator | None:
    """The entry of a device name as `torch.cuda.get_device_name` prints it; None for an unknown one.

    >>> find_accelerator("NVIDIA A100-SXM4-80GB MIG 1g.10gb") is None
    True
    """
    return next((entry for entry in ACCELERATORS if re.fullmatch(entry.pattern, device_name)), None)


def peak_flops(device_name: str, precision: Precision) -> float | None:
    """FLOPs per second of a device at its dense peak, or None where it is unknown or does not have the precision.

    >>> peak_flops("NVIDIA H100 80GB HBM3", "bf16")
    989400000000000.0
    """
    entry = find_accelerator(device_name)
    tera = None if entry is None else {"bf16": entry.bf16, "fp16": entry.fp16, "fp32": entry.fp32}[precision]
    return None if tera is None else tera * 1e12


def memory_bytes(device_name: str) -> int | None:
    """Memory of a device, vendors' GB taken as 2**30 bytes (80 GB of an A100 are 80 GiB); None where it is unknown."""
    entry = find_accelerator(device_name)
    if entry is None:
        return None
    found = re.fullmatch(entry.pattern, device_name)
    assert found is not None
    gigabytes = found.groupdict().get("gb") or entry.memory_gb
    return None if gigabytes is None else int(gigabytes) * 2**30
