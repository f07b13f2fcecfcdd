"""The memory that a rank needs, estimated by formula before anything is loaded.

**Model states** are as in ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054, sections 3.1 and 5, figure 1), with one difference. Of
P parameters, trained with Adam in mixed precision, the paper counts 2 P bytes of parameters, 2 P of gradients and 12 P of
optimizer states (fp32 master weights and two moments). This job accumulates gradients in fp32, which makes them 4 P. Stage 1
divides the optimizer states by the number N of ranks, stage 2 the gradients too, stage 3 the parameters too:

    bytes a rank, bf16     parameters   gradients   optimizer
    stage 0                2 P          2 P         12 P          (which this job refuses: it would accumulate in bf16)
    stage 1                2 P          2 P + 4 P   12 P / N      (DeepSpeed keeps a whole fp32 sum beside the bf16 gradients)
    stage 2                2 P          4 P / N     12 P / N
    stage 3                2 P / N      4 P / N     12 P / N

In fp32 these are 4 P, 4 P and 8 P at stage 0; from stage 1 on DeepSpeed copies the partition that it trains, so that optimizer
states are 12 P / N.

**Activations** are counted as in Korthikanti et al. 2022 (arXiv 2205.05198, section 4): tensors that are kept for the backward
pass, by layer. Their sum, s b h (34 + 5 a s / h) bytes, is for GPT-3's layer with dropout. A layer of Llama in transformers, with
attention that never stores its scores (SDPA, FlashAttention) and e bytes a number, keeps for each token

    2 norms         2 (4 + 2 e) h      the input in fp32, the normalised input, the output
    attention       e (2 A + 2 K)      queries and output of A = heads x head size, keys and values of K
    feed-forward    4 e f              gate, its activation, up, their product (2 e f without a gate)

which is 45.5 h in bf16 for Llama-2-7B (f = 11,008, h = 4,096). In a mixture of experts f is the width of all experts that a token
uses, and each of these k experts keeps a copy of its input and its output: 2 e k h more. Eager attention adds the scores of its a
heads: (4 + 2) a s in bf16, 4 a s in fp32. With gradient checkpointing a layer keeps its input, e h, and one layer at a time is
computed again: it takes the bytes above, and e f for the gradient inside its feed-forward layer.

**Logits** are kept in fp32: their log-softmax, its gradient and the gradient of its input exist together in the backward pass, 12
bytes for each token and vocabulary entry. They are freed before the first layer is computed again: the larger of the two counts.

**Buffers** are DeepSpeed's: buckets in which gradients are reduced, and at stage 3 the parameters that are gathered at a time. In
bf16 the buckets of stage 1 hold fp32, those of stages 2 and 3 bf16. With `communication_data_type` fp32 in DeepSpeed's
configuration, stages 2 and 3 make fp32 copies, which are not counted.

The tests compare with measurements of DeepSpeed and autograd: states of all stages on two ranks, activations of Llama, Mistral
and Qwen 2, all within 1 %, of Mixtral within 4 %. Layers of other architectures keep more: Qwen 3 1.2 times, with or without
experts, GPT-2 1.6, Gemma 3 1.8.

Not counted: the CUDA context and NCCL (1 to 2 GB), fragmentation, and the tensors of a batch. `fits` leaves a tenth of a device
for them.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from training.architectures.model_shapes import ModelShape

Offload = Literal["none", "optimizer", "all"]
"""Moved to the memory of the machine: nothing; optimizer states and gradients; parameters too."""

MARGIN = 0.1
"""Share of a device that is left for memory that the estimate does not count."""

_FP32 = 4
_BYTES = {"bf16": 2, "fp32": 4}
_BUCKET = 5e8
"""Elements: DeepSpeed's default of `reduce_bucket_size`, and the size of the buckets of stages 0 and 1."""
_LIVE = 1e9
"""Elements: DeepSpeed's default of `stage3_max_live_parameters` and of `sub_group_size`."""


class StateBytes(NamedTuple):
    """Bytes of parameters, gradients and optimizer states: for each parameter, or of one rank."""

    parameters: int
    gradients: int
    optimizer: int


ZERO_PAPER = StateBytes(parameters=2, gradients=2, optimizer=12)
"""Mixed precision as in the paper: gradients stay in 16 bits."""


class MemoryEstimate(NamedTuple):
    """Bytes of one rank while it trains."""

    parameters: int
    gradients: int
    optimizer: int
    buffers: int
    activations: int
    """Kept for the backward pass."""
    logits: int
    recomputed: int
    """With gradient checkpointing: the layer that is being computed again."""
    step: int
    """Temporary memory of the optimizer's step, after activations are freed."""
    host: int
    """In the memory of the machine: everything that is offloaded."""

    @property
    def states(self) -> int:
        """Parameters, gradients and optimizer states on the device."""
        return self.parameters + self.gradients + self.optimizer

    @property
    def total(self) -> int:
        """The peak on the device: in the backward pass, or in the optimizer's step."""
        backward = self.buffers + self.activations + max(self.logits, self.recomputed)
        return self.states + max(backward, self.step)

    def fits(self, device_bytes: int) -> bool:
        """Whether it fits a device of that size, with `MARGIN` left."""
        return self.total <= (1 - MARGIN) * device_bytes


def model_states(parameters: int, trained: int, ranks: int, stage: int, each: StateBytes) -> StateBytes:
    """Bytes of parameters, gradients and optimizer states on a rank, by ZeRO's table; `each` are the bytes for one parameter.

    Only `trained` parameters have gradients and optimizer states. Shares are rounded up.

    >>> model_states(7_500_000_000, 7_500_000_000, 64, 3, ZERO_PAPER)  # the paper's figure 1: 1.9 GB
    StateBytes(parameters=234375000, gradients=234375000, optimizer=1406250000)
    """

    def share(count: int, partitioned: bool) -> int:
        return -(-count // ranks) if partitioned else count

    return StateBytes(
        share(each.parameters * parameters, stage >= 3),
        share(each.gradients * trained, stage >= 2),
        share(each.optimizer * trained, stage >= 1),
    )


def estimate_memory(
    shape: ModelShape,
    *,
    stage: int,
    ranks: int,
    sequence_length: int,
    micro_batch_size: int = 1,
    precision: Literal["bf16", "fp32"] = "bf16",
    gradient_checkpointing: bool = False,
    attention: str = "sdpa",
    offload: Offload = "none",
    trained: int | None = None,
    zero: Mapping[str, Any] | None = None,
) -> MemoryEstimate:
    """Estimate the memory of one rank while it trains; the module's docstring has formulas, sources and limits.

    Args:
        shape: of the model, with the rows of its tags.
        stage: of ZeRO, 0 to 3.
        ranks: over which ZeRO partitions.
        sequence_length: tokens in a sequence.
        micro_batch_size: sequences that a rank puts through the model at once.
        precision: of parameters and activations.
        gradient_checkpointing: whether layers are computed again in the backward pass.
        attention: only "eager" stores its scores.
        offload: to the memory of the machine.
        trained: parameters that are trained; None for all.
        zero: the section `zero_optimization` of DeepSpeed's configuration, for the sizes of its buffers.

    Raises:
        ValueError: for an offload that ZeRO does not have at that stage.
    """
    if offload != "none" and (stage == 0 or (offload == "all" and stage < 3)):
        raise ValueError(f"ZeRO stage {stage} cannot offload {offload!r}: optimizer states need stage 1, parameters stage 3")
    trained = shape.parameters if trained is None else trained
    states = model_states(shape.parameters, trained, ranks, stage, _state_bytes(stage, precision))
    if stage == 1 and precision == "bf16":
        states = states._replace(gradients=states.gradients + _FP32 * trained)
    partition = -(-trained // ranks) if stage else trained
    step = _FP32 * min(partition, _setting(zero, "sub_group_size", _LIVE)) if stage == 3 else _FP32 * partition
    host = 0
    if offload != "none":
        # Sums of gradients are offloaded, too; the gradients of one backward pass remain, at stage 1 unpartitioned.
        kept = _BYTES[precision] * trained if stage == 1 else 0
        host = states.optimizer + _FP32 * partition
        states = states._replace(optimizer=0, gradients=kept)
        step = 0
    if offload == "all":
        host += states.parameters
        states = states._replace(parameters=0)
    tokens, e = sequence_length * micro_batch_size, _BYTES[precision]
    layer, final = layer_bytes(shape, sequence_length, precision, attention), (_FP32 + 2 * e) * shape.hidden_size
    return MemoryEstimate(
        *states,
        buffers=buffer_bytes(shape.parameters, trained, ranks, stage, precision, zero, shape.largest_module),
        activations=tokens * (shape.num_layers * (e * shape.hidden_size if gradient_checkpointing else layer) + final),
        logits=tokens * 3 * _FP32 * shape.vocab_size,
        recomputed=tokens * (layer + e * shape.intermediate_size) if gradient_checkpointing else 0,
        step=step,
        host=host,
    )


def _state_bytes(stage: int, precision: str) -> StateBytes:
    if precision == "fp32":
        return StateBytes(4, 4, 12 if stage else 8)
    return StateBytes(2, 2 if stage < 2 else _FP32, 12)


def layer_bytes(shape: ModelShape, sequence_length: int, precision: str, attention: str = "sdpa") -> int:
    """Bytes that one layer keeps for each token.

    >>> llama = ModelShape(6_738_415_616, 131_072_000, 4096, 32, 32, 32, 128, 11008, 32_000)  # Llama-2-7B
    >>> layer_bytes(llama, 2048, "bf16") / 4096
    45.5
    """
    e, h = _BYTES[precision], shape.hidden_size
    queries, keys = shape.num_heads * shape.head_dim, shape.num_kv_heads * shape.head_dim
    norms = 2 * (_FP32 + 2 * e) * h
    feed_forward = (4 if shape.gated_mlp else 2) * e * shape.intermediate_size + 2 * e * h * shape.experts_per_token
    if attention == "eager":
        # Keys and values are repeated for every head; scores are kept twice, after softmax in fp32 and rounded to `precision`.
        scores = (_FP32 + (e if e != _FP32 else 0)) * shape.num_heads * sequence_length
        return norms + feed_forward + 4 * e * queries + scores
    return norms + feed_forward + e * (2 * queries + 2 * keys)


def buffer_bytes(
    parameters: int,
    trained: int,
    ranks: int,
    stage: int,
    precision: str,
    zero: Mapping[str, Any] | None = None,
    largest_module: int = 0,
) -> int:
    """Bytes of DeepSpeed's (0.19) communication buffers, and of the parameters that stage 3 gathers at a time.

    Those are at least the parameters of one layer: all experts of a block where one tensor holds them.
    """
    e = _BYTES[precision]
    if stage == 0 or (stage == 1 and precision == "bf16"):
        return 0 if ranks == 1 else _FP32 * int(min(trained, _BUCKET))
    bucket = e * _setting(zero, "reduce_bucket_size", _BUCKET)
    if stage < 3:
        return bucket * (2 if (zero or {}).get("overlap_comm") else 1)
    return bucket + e * max(min(parameters, _setting(zero, "stage3_max_live_parameters", _LIVE)), largest_module)


def _setting(zero: Mapping[str, Any] | None, key: str, default: float) -> int:
    """A size in DeepSpeed's configuration, or the default; "auto" counts as not set."""
    value = (zero or {}).get(key, default)
    return int(value if isinstance(value, int | float) else default)
