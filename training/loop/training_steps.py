"""Step after step: batches of the stream through the engine, and the metrics of each step."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training.architectures.router_loss import RouterLoss
from training.config import TrainSettings
from training.engine.collectives import all_gather_arrays
from training.engine.interruption import Interruption
from training.engine.launch_environment import Ranks
from training.engine.learning_rate import learning_rate
from training.loop.optimizer_step import make_step
from training.loop.skip_guard import SkipGuard
from training.model.protocols import Engine
from training.stream.rolling_hash import RollingHash
from training.stream.token_stream import COUNTERS, Stream

if TYPE_CHECKING:
    import torch


@dataclass
class Position:
    """How far a run has come: the content of a checkpoint beside the engine."""

    guard: SkipGuard
    step: int = 0
    """Finished steps."""
    rolling: RollingHash = field(default_factory=RollingHash)
    """Hash of the tokens that were consumed."""
    skipped: int = 0
    """Finished steps that were skipped."""


def run_steps(
    settings: TrainSettings,
    engine: Engine,
    stream: Stream,
    position: Position,
    ranks: Ranks,
    device: "torch.device",
    interruption: Interruption,
    router: RouterLoss | None = None,
) -> Iterator[dict[str, Any]]:
    """Train from `position` to the last step, and yield each step's metrics (of all ranks together).

    `router` is the auxiliary loss of a mixture of experts.

    Raises:
        InterruptedByRequestError: before a micro-batch, when any rank was asked to stop; the weights are those of the last step.
    """
    options = settings.stream
    batches = stream.batches(position.step, ranks.rank, ranks.size, options.workers, options.prefetch)
    tokens_in_step = settings.global_batch_size * settings.stream.sequence_length
    try:
        while position.step < settings.steps:
            began = time.perf_counter()
            batch = next(batches)
            waited = all_gather_arrays(np.array([time.perf_counter() - began]), device).max()
            result = make_step(
                engine, batch, settings, position.step, position.guard, ranks, device, interruption.is_requested, router
            )
            counts = all_gather_arrays(batch.counts, device).sum(axis=0)
            stream_hash = position.rolling.update(all_gather_arrays(batch.digests, device).ravel())
            position.step += 1
            position.skipped += result.reason is not None
            seconds = time.perf_counter() - began
            yield {
                "step": position.step,
                "loss": result.loss,
                **({} if result.router_loss is None else {"router_loss": result.router_loss}),
                "learning_rate": learning_rate(settings.optimizer, position.step - 1, settings.steps),
                "gradient_norm": result.norm,
                "skipped": result.reason,
                "sequences": result.sequences,
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


def peak_memory(device: "torch.device") -> int:
    """The most bytes that this rank has held: on its GPU, or of the process on a CPU."""
    if device.type == "cpu":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    from deepspeed.accelerator import get_accelerator

    return int(get_accelerator().max_memory_allocated())
