"""Floating-point operations of training a decoder, and the share of an accelerator's peak that a run reaches (MFU).

Model FLOPs utilisation (MFU) is as in PaLM (Chowdhery et al. 2022, arXiv 2204.02311, appendix B): tokens per second, times the
FLOPs that the *model* needs for a token, over the accelerator's peak (`training.architectures.accelerators`). Recomputation
(gradient checkpointing, about a third more) does not count as work, so MFU can be compared between runs that differ in it. Work
that a model does not need, such as gradients of frozen weights, does not count either.

    per_token = flops_per_token(shape, sequence_length=2048)                       # 42.9e9 for Llama-2-7B
    mfu(per_token, tokens_per_second_per_gpu, peak_flops("NVIDIA A100-SXM4-80GB", "bf16"))
"""

from training.architectures.model_shapes import ModelShape


def flops_per_token(shape: ModelShape, sequence_length: int, trained: int | None = None) -> float:
    """FLOPs that one token costs in training, forward and backward: 6 N + 12 L A T, with N = M + F: 6 M + 4 F + 12 L A T.

    N are the parameters that a token is multiplied with (all but embeddings that are only looked up, and experts that its router
    does not choose), each one multiplication and one addition forward, 2 N, and as much for each of two products backward: the
    gradient of activations and the gradient of weights. The M trained ones need all three. The F frozen ones (LoRA) need no
    gradient of weights, but the layers before them need the gradient of activations: 4 F. L are the layers, A = heads x head
    size, T the sequence length. The last term is attention's two products of T x T, not halved for the causal mask; it has no
    weights, so it is the same for any M and F.

    This is PaLM's formula (appendix B, 6 N + 12 L H Q T), as in the published figures of LLM-Foundry. Megatron-LM's
    (Narayanan et al. 2021, arXiv 2104.04473, eq. 3) is the same for GPT's layers, times 4/3 for recomputation.

    Limits: full attention in all layers (sliding windows and linear attention cost less). With LoRA no gradient is needed before
    the first layer's first adapters: those few products are counted nevertheless.

    Args:
        shape: of the model as it trains, with adapters if it has them.
        sequence_length: tokens in a sequence.
        trained: number of trained parameters, where not all are; looked-up ones among them cost nothing.

    >>> llama = ModelShape(6_738_415_616, 131_072_000, 4096, 32, 32, 32, 128, 11008, 32_000)  # Llama-2-7B
    >>> f"{flops_per_token(llama, 2048):.4g}"
    '4.287e+10'
    >>> from dataclasses import replace
    >>> with_adapters = replace(llama, parameters=llama.parameters + 19_988_480)  # LoRA of rank 8 on all linear layers
    >>> f"{flops_per_token(with_adapters, 2048, trained=19_988_480):.4g}"
    '2.977e+10'
    """
    multiplied = shape.parameters - shape.lookup_parameters - shape.unused_parameters
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
