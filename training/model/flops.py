"""Floating-point operations of training a decoder, what accelerators can do at most, and the share of it that a run reaches.

Model FLOPs utilisation (MFU) is as in PaLM (Chowdhery et al. 2022, arXiv 2204.02311, appendix B): tokens per second, times the
FLOPs that the *model* needs for a token, over the accelerator's peak. What a run computes twice (gradient checkpointing, about a
third more) does not count as work, so MFU can be compared between runs that differ in it. What a model does not need, such as
gradients of frozen weights, does not count either.

    per_token = flops_per_token(shape, sequence_length=2048)                       # 42.9e9 for Llama-2-7B
    mfu(per_token, tokens_per_second_per_gpu, peak_flops("NVIDIA A100-SXM4-80GB", "bf16"))
"""

import re
from typing import Literal, NamedTuple

from training.model.model_shapes import ModelShape

Precision = Literal["bf16", "fp16", "fp32"]


def flops_per_token(shape: ModelShape, sequence_length: int, trained: int | None = None) -> float:
    """FLOPs that one token costs in training, forward and backward: 6 N + 12 L A T, with N = M + F: 6 M + 4 F + 12 L A T.

    N are the parameters that a token is multiplied with (all but embeddings that are only looked up), each one multiplication
    and one addition forward, 2 N, and as much for each of two products backward: the gradient of activations and the gradient of
    weights. The M trained ones need all three. F frozen ones (LoRA) have no gradient of their own, but the layers before them
    need that of their activations: 4 F. L are the layers, A = heads x head size, T the sequence length. The last term is
    attention's two products of T x T, not halved for the causal mask; it has no weights, so it is the same whatever is trained.

    This is PaLM's formula (appendix B, 6 N + 12 L H Q T), and what the published figures of LLM-Foundry count. Megatron-LM's
    (Narayanan et al. 2021, arXiv 2104.04473, eq. 3) is the same for GPT's layers, times 4/3 for recomputation.

    Limits: dense models (of a mixture of experts every expert would count), full attention (sliding windows cost less). With
    LoRA no gradient goes further back than the first layer's first adapters: those few products are counted nevertheless.

    Args:
        shape: of the model as it trains, with adapters if it has them.
        sequence_length: tokens in a sequence.
        trained: parameters that are trained, where not all are; looked-up ones that are among them cost nothing.

    >>> llama = ModelShape(6_738_415_616, 131_072_000, 4096, 32, 32, 32, 128, 11008, 32_000)  # Llama-2-7B
    >>> f"{flops_per_token(llama, 2048):.4g}"
    '4.287e+10'
    >>> from dataclasses import replace
    >>> with_adapters = replace(llama, parameters=llama.parameters + 19_988_480)  # LoRA of rank 8 on all linear layers
    >>> f"{flops_per_token(with_adapters, 2048, trained=19_988_480):.4g}"
    '2.977e+10'
    """
    multiplied = shape.parameters - shape.lookup_parameters
    with_gradient = multiplied if trained is None else min(trained, multiplied)
    attention = 12.0 * shape.num_layers * shape.num_heads * shape.head_dim * sequence_length
    return 4.0 * multiplied + 2.0 * with_gradient + attention


def mfu(flops_per_token: float, tokens_per_second: float, peak: float | None) -> float | None:
    """Share of the peak that the model's FLOPs make up; None where the peak is unknown.

    Args:
        flops_per_token: of `flops_per_token`.
        tokens_per_second: of one accelerator: the run's, over its ranks.
        peak: FLOPs per second of one accelerator, of `peak_flops`.

    >>> mfu(42.86e9, 3640.0, 312e12)
    0.5000333333333333
    """
    return None if peak is None else flops_per_token * tokens_per_second / peak


class Accelerator(NamedTuple):
    """What a vendor states of a device: dense, that is without sparsity, which doubles the figure on most datasheets."""

    pattern: str
    """The whole name that `torch.cuda.get_device_name` prints, as a regular expression. A group `gb` holds its memory."""
    example: str
    """Such a name."""
    bf16: float | None
    """TFLOPS of matrix products with fp32 accumulation; None where the device has none."""
    fp16: float
    """The same in fp16."""
    fp32: float
    """TFLOPS in fp32 proper, without TF32: torch multiplies fp32 matrices so unless it is told otherwise."""
    memory_gb: int | None
    """GB of memory where the name does not say it."""
    source: str
    """The vendor's document."""


_SXM_GB = r"(?P<gb>\d+)GB"
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
        rf"{_NV}GH200 \d+GB", "NVIDIA GH200 480GB", 989.4, 989.4, 66.9, 96, "NVIDIA GH200 datasheet"
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
"""Known devices. A part of one (MIG, vGPU), a laptop's or another variant has a name of its own, matches none, and is unknown."""


def accelerator(device_name: str) -> Accelerator | None:
    """The entry of a device name as `torch.cuda.get_device_name` prints it; None for an unknown one.

    >>> accelerator("NVIDIA A100-SXM4-80GB MIG 1g.10gb") is None
    True
    """
    return next((entry for entry in ACCELERATORS if re.fullmatch(entry.pattern, device_name)), None)


def peak_flops(device_name: str, precision: Precision) -> float | None:
    """FLOPs per second of a device at its dense peak, or None where it is unknown or has no such precision.

    >>> peak_flops("NVIDIA H100 80GB HBM3", "bf16")
    989400000000000.0
    """
    entry = accelerator(device_name)
    tera = None if entry is None else {"bf16": entry.bf16, "fp16": entry.fp16, "fp32": entry.fp32}[precision]
    return None if tera is None else tera * 1e12


def memory_bytes(device_name: str) -> int | None:
    """Memory of a device, vendors' GB taken as 2**30 bytes (80 GB of an A100 are 80 GiB); None where it is unknown."""
    entry = accelerator(device_name)
    if entry is None:
        return None
    found = re.fullmatch(entry.pattern, device_name)
    assert found is not None
    gigabytes = found.groupdict().get("gb") or entry.memory_gb
    return None if gigabytes is None else int(gigabytes) * 2**30
