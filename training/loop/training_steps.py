"""Step after step: a global batch through the engine, judged, counted, reported."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.config import GuardSettings, TrainSettings
from training.engine.collectives import all_gather_arrays
from training.engine.interruption import InterruptedByRequestError, Interruption
from training.engine.launch_environment import Ranks
from training.engine.learning_rate import learning_rate
from training.loop.step_guard import Guard
from training.stream.name_insertion import IGNORED
from training.stream.rolling_hash import RollingHash
from training.stream.token_stream import COUNTERS, Batch, Stream

Float64s = npt.NDArray[np.float64]


@dataclass
class Position:
    """Where a run stands: what a checkpoint holds beside the engine."""

    guard: Guard
    step: int = 0
    """Finished steps."""
    rolling: RollingHash = field(default_factory=RollingHash)
    skipped: int = 0
    """Those of them that were skipped."""


class Judged(NamedTuple):
    """A step that was made, or skipped for a reason."""

    loss: float
    """Mean over all predicted tokens of the global batch."""
    norm: float
    """Of the gradient, before clipping."""
    reason: str | None
    sequences: list[str]
    """Of a skipped step: the sequences that caused it, `7` or `8-11`."""


def new_guard(settings: GuardSettings, seen: list[list[Any]] | None = None) -> Guard:
    """The guard of a run, with what it has seen before."""
    return Guard(**settings.model_dump(), seen=seen or [])


def steps(
    settings: TrainSettings,
    engine: Any,
    stream: Stream,
    position: Position,
    ranks: Ranks,
    device: Any,
    interruption: Interruption,
) -> Iterator[dict[str, Any]]:
    """Train from `position` to the last step, and yield each step's metrics (of all ranks together).

    Raises:
        InterruptedByRequestError: before a micro-batch, when any rank was asked to end; the engine is as after the last step.
    """
    options = settings.stream
    batches = stream.batches(position.step, ranks.rank, ranks.size, options.workers, options.prefetch)
    tokens_in_step = settings.global_batch_size * settings.stream.sequence_length
    try:
        while position.step < settings.steps:
            began = time.perf_counter()
            batch = next(batches)
            waited = all_gather_arrays(np.array([time.perf_counter() - began]), device).max()
            judged = train_step(engine, batch, settings, position, ranks, device, interruption.is_requested)
            counts = all_gather_arrays(batch.counts, device).sum(axis=0)
            stream_hash = position.rolling.update(all_gather_arrays(batch.digests, device).ravel())
            position.step += 1
            position.skipped += judged.reason is not None
            seconds = time.perf_counter() - began
            yield {
                "step": position.step,
                "loss": judged.loss,
                "learning_rate": learning_rate(settings.optimizer, position.step - 1, settings.steps),
                "gradient_norm": judged.norm,
                "skipped": judged.reason,
                "sequences": judged.sequences,
                "tokens": position.step * tokens_in_step,
                "tokens_per_second": tokens_in_step / seconds,
                "seconds": seconds,
                "data_wait_share": float(waited) / seconds,
                "memory_bytes": int(all_gather_arrays(np.array([peak_memory(device)]), device).max()),
                "stream_hash": stream_hash,
                **dict(zip(COUNTERS[1:], counts.sum(axis=0).tolist()[1:], strict=True)),
                "wikis": {
                    wiki: dict(zip(COUNTERS, row, strict=True))
                    for wiki, row in zip(stream.corpus.names, counts.tolist(), strict=True)
                },
            }
    finally:
        batches.close()  # type: ignore[attr-defined]


def train_step(
    engine: Any,
    batch: Batch,
    settings: TrainSettings,
    position: Position,
    ranks: Ranks,
    device: Any,
    interrupted: Callable[[], bool] = lambda: False,
) -> Judged:
    """One optimizer step on this rank's share of a global batch, unless the guard refuses it.

    The loss is the mean over all predicted tokens of the global batch, whatever rank or micro-batch they are in.
    """
    import torch

    from training.model.document_mask import document_masking_arguments

    step, micro = position.step, settings.micro_batch_size
    accumulation = len(batch.sequences) // micro
    own = (batch.labels[:, 1:] != IGNORED).sum(axis=1).reshape(accumulation, micro).sum(axis=1)
    predicted = all_gather_arrays(own, device)
    total = max(int(predicted.sum()), 1)
    torch.manual_seed(
        step_seed(settings.seed, step, ranks.rank)
    )  # dropout: a function of the step, so that no state is kept of it
    for group in engine.optimizer.param_groups:
        group["lr"] = learning_rate(settings.optimizer, step, settings.steps)
    input_ids, labels = torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.labels).to(device)
    positions = None if batch.positions is None else torch.from_numpy(batch.positions).to(device)
    # Losses stay on the device until the last: to read one is to wait for the GPU.
    losses = torch.zeros(accumulation, dtype=torch.float64, device=device)
    reasons: list[str | None] = []
    for number in range(accumulation):
        if interrupted():
            raise InterruptedByRequestError
        rows = slice(number * micro, (number + 1) * micro)
        masking = {} if positions is None else document_masking_arguments(positions[rows], engine.module)
        loss = summed_loss(engine, input_ids[rows], labels[rows], **masking)
        # DeepSpeed divides by the accumulation and averages over ranks; this undoes both, and divides by all predicted tokens.
        engine.backward(loss * (accumulation * ranks.size / total))
        losses[number] = loss.detach()
        if number == accumulation - 1:
            everyone = all_gather_arrays(losses.cpu().numpy(), device)
            mean = float(everyone.sum()) / total
            plain = _plain_gradient_norm(engine)

            def gate(mean: float = mean, plain: float | None = plain) -> bool:
                if not reasons:  # DeepSpeed asks once for each part; the answer is one
                    norm = float(engine.optimizer._global_grad_norm) if plain is None else plain
                    reasons.append(position.guard.judge(step + 1, mean, norm))
                return reasons[0] is None

            engine.basic_optimizer.gate = gate
        engine.step()
    if reasons:
        norm = plain if plain is not None else float(engine.get_global_grad_norm())
    else:  # DeepSpeed itself left the step out, because the gradient is not finite; the norm that it shows is an older one
        norm = float("inf")
        reasons.append(position.guard.judge(step + 1, mean, norm))
    culprits = (
        []
        if reasons[0] is None
        else causes(everyone, predicted, position.guard.limit("loss"), batch_start(settings, step), micro)
    )
    return Judged(mean, norm, reasons[0], culprits)


def batch_start(settings: TrainSettings, step: int) -> int:
    """The first sequence of a step (counted from 0)."""
    return step * settings.global_batch_size


def causes(losses: Float64s, predicted: npt.NDArray[np.int64], limit: float, first: int, micro: int) -> list[str]:
    """The sequences that a step was skipped for, as `7` or `8-11`.

    These are the micro-batches whose loss is not finite, or else those whose mean loss is above `limit`, or else the whole batch.
    `losses` and `predicted` are [ranks, accumulation]; ranks hold contiguous slices, so their order is the stream's.

    >>> causes(np.array([[4.0, np.nan], [8.0, 9.0]]), np.array([[2, 2], [2, 2]]), 4.2, 100, 2)
    ['102-103']
    >>> causes(np.array([[4.0, 4.0], [8.0, 9.0]]), np.array([[2, 2], [2, 2]]), 4.2, 100, 2)
    ['106-107']
    >>> causes(np.array([[4.0, 4.0], [8.0, 8.0]]), np.array([[2, 2], [2, 2]]), 9.9, 100, 1)
    ['100-103']
    """
    means = losses.ravel() / np.maximum(predicted.ravel(), 1)
    bad = np.flatnonzero(~np.isfinite(means))
    if not len(bad):
        bad = np.flatnonzero(means > limit)
    if not len(bad):
        return [f"{first}-{first + len(means) * micro - 1}"]
    begins = (first + bad * micro).tolist()
    return [f"{begin}" if micro == 1 else f"{begin}-{begin + micro - 1}" for begin in begins]


def summed_loss(model: Any, input_ids: Any, labels: Any, **masking: Any) -> Any:
    """Sum of -log p(token) over the labels that are not IGNORED; labels are aligned with `input_ids` ([sequences, length])."""
    import torch.nn.functional as F  # noqa: N812  (torch's own convention)

    logits = model(input_ids=input_ids, use_cache=False, **masking).logits.float()
    # The label of a token stands one to its right. Shifting labels, not logits, copies kilobytes, not gigabytes.
    following = F.pad(labels[:, 1:], (0, 1), value=IGNORED)
    return F.cross_entropy(logits.flatten(0, 1), following.flatten(), ignore_index=IGNORED, reduction="sum")


def peak_memory(device: Any) -> int:
    """Bytes that this rank has held at most: on its GPU, or of the process where there is none."""
    if device.type == "cpu":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    from deepspeed.accelerator import get_accelerator

    return int(get_accelerator().max_memory_allocated())


def step_seed(seed: int, step: int, rank: int) -> int:
    """The seed of a step's random numbers (dropout) on one rank."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])


def _plain_gradient_norm(engine: Any) -> float | None:
    """The norm that DeepSpeed does not compute: stage 0 in fp32, where every rank holds the averaged gradients."""
    if engine.zero_optimization_stage() or engine.bfloat16_enabled():
        return None
    import torch

    return float(torch.nn.utils.get_total_norm([p.grad for p in engine.module.parameters() if p.grad is not None]))
