"""One optimizer step: micro-batches forward and backward, the decision of the guard, the update."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.architectures.router_loss import RouterLoss
from training.config import TrainSettings
from training.engine.collectives import all_gather_arrays
from training.engine.interruption import InterruptedByRequestError
from training.engine.launch_environment import Ranks
from training.engine.learning_rate import learning_rate
from training.loop.skip_guard import SkipGuard
from training.model.protocols import CausalLanguageModel, Engine
from training.stream.name_insertion import IGNORED
from training.stream.token_stream import Batch

if TYPE_CHECKING:
    import torch

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


class StepResult(NamedTuple):
    """A step that was made, or skipped for a reason."""

    loss: float
    """Mean over all predicted tokens of the global batch."""
    norm: float
    """Of the gradient, before clipping."""
    reason: str | None
    """Why the step was skipped; None for a step that was made."""
    router_loss: float | None
    """Mean auxiliary loss of the sequences, without its weight; None for a model without experts, or without this loss."""
    sequences: list[str]
    """Of a skipped step: the sequences that caused it, `7` or `8-11`."""


def make_step(
    engine: Engine,
    batch: Batch,
    settings: TrainSettings,
    step: int,
    guard: SkipGuard,
    ranks: Ranks,
    device: "torch.device",
    interrupted: Callable[[], bool] = lambda: False,
    router: RouterLoss | None = None,
) -> StepResult:
    """Make one optimizer step on this rank's share of a global batch, unless the guard refuses it.

    The loss is the mean over all predicted tokens of the global batch, whatever rank or micro-batch they are in; the auxiliary
    loss of a router is the mean over its sequences.

    Args:
        engine: DeepSpeed's engine around the model.
        batch: this rank's sequences of the step.
        settings: of the run.
        step: number of the step, from 0.
        guard: decides whether the step is skipped.
        ranks: this process among all.
        device: of this rank.
        interrupted: called before each micro-batch; true on all ranks at once.
        router: the auxiliary loss of a mixture of experts.

    Raises:
        InterruptedByRequestError: when `interrupted` is true; the weights are those after the previous step.
    """
    import torch

    from training.architectures.document_mask import document_masking_arguments

    micro = settings.micro_batch_size
    accumulation = len(batch.sequences) // micro
    own = (batch.labels[:, 1:] != IGNORED).sum(axis=1).reshape(accumulation, micro).sum(axis=1)
    predicted = all_gather_arrays(own, device)
    total = max(int(predicted.sum()), 1)
    torch.manual_seed(dropout_seed(settings.seed, step, ranks.rank))  # a function of the step: no random state is saved
    for group in engine.optimizer.param_groups:
        group["lr"] = learning_rate(settings.optimizer, step, settings.steps)
    input_ids, labels = torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.labels).to(device)
    positions = None if batch.positions is None else torch.from_numpy(batch.positions).to(device)
    # Losses stay on the device until the last micro-batch: reading one waits for the GPU.
    losses = torch.zeros(accumulation, dtype=torch.float64, device=device)
    router_losses = torch.zeros(accumulation, dtype=torch.float64, device=device)
    decisions: list[str | None] = []
    for number in range(accumulation):
        if interrupted():
            raise InterruptedByRequestError
        rows = slice(number * micro, (number + 1) * micro)
        masking = {} if positions is None else document_masking_arguments(positions[rows], engine.module)
        with contextlib.nullcontext() if router is None else router.recording():
            loss = summed_loss(engine, input_ids[rows], labels[rows], **masking)
        losses[number] = loss.detach()
        # DeepSpeed divides by the accumulation and averages over ranks; this undoes both, and divides by all predicted tokens.
        objective = loss * (accumulation * ranks.size / total)
        if router is not None:
            balance = router.summed(micro)
            router_losses[number] = balance.detach()
            objective = objective + balance * (router.weight / micro)  # the mean over ranks and micro-batches is DeepSpeed's
        engine.backward(objective)
        if number == accumulation - 1:
            all_losses = all_gather_arrays(losses.cpu().numpy(), device)
            mean = float(all_losses.sum()) / total
            plain_norm = _plain_gradient_norm(engine)

            def gate(mean: float = mean, plain_norm: float | None = plain_norm) -> bool:
                if not decisions:  # DeepSpeed asks once for each part; all parts get the same answer
                    norm = float(engine.optimizer._global_grad_norm) if plain_norm is None else plain_norm
                    decisions.append(guard.observe(step + 1, mean, norm))
                return decisions[0] is None

            engine.basic_optimizer.gate = gate
        engine.step()
    if decisions:
        norm = plain_norm if plain_norm is not None else float(engine.get_global_grad_norm())
    else:  # DeepSpeed left the step out because the gradient is not finite; the norm that it reports is of an earlier step
        norm = float("inf")
        decisions.append(guard.observe(step + 1, mean, norm))
    reason = decisions[0]
    sequences = (
        []
        if reason is None
        else suspect_sequences(all_losses, predicted, guard.loss_limit, first_sequence(settings, step), micro)
    )
    balanced = None if router is None else float(all_gather_arrays(router_losses.cpu().numpy(), device).mean()) / micro
    return StepResult(mean, norm, reason, balanced, sequences)


def first_sequence(settings: TrainSettings, step: int) -> int:
    """The first sequence of a step; both count from 0."""
    return step * settings.global_batch_size


def suspect_sequences(losses: Float64s, predicted: Int64s, limit: float, first: int, micro: int) -> list[str]:
    """The sequences that caused a step to be skipped, as `7` or `8-11`.

    These are the micro-batches whose loss is not finite, or else those whose mean loss is above `limit`, or else the whole batch.
    `losses` and `predicted` are [ranks, accumulation]; ranks hold contiguous slices, so their order is the stream's.

    >>> suspect_sequences(np.array([[4.0, np.nan], [8.0, 9.0]]), np.array([[2, 2], [2, 2]]), 4.2, 100, 2)
    ['102-103']
    >>> suspect_sequences(np.array([[4.0, 4.0], [8.0, 9.0]]), np.array([[2, 2], [2, 2]]), 4.2, 100, 2)
    ['106-107']
    >>> suspect_sequences(np.array([[4.0, 4.0], [8.0, 8.0]]), np.array([[2, 2], [2, 2]]), 9.9, 100, 1)
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


def summed_loss(
    model: Engine | CausalLanguageModel, input_ids: "torch.Tensor", labels: "torch.Tensor", **masking: Any
) -> "torch.Tensor":
    """Sum of -log p(token) over the labels that are not IGNORED; labels are aligned with `input_ids` ([sequences, length])."""
    import torch.nn.functional as F  # noqa: N812  (torch's own convention)

    logits = model(input_ids=input_ids, use_cache=False, **masking).logits.float()
    # A token's target is the label to its right. Shifting labels, not logits, copies kilobytes, not gigabytes.
    following = F.pad(labels[:, 1:], (0, 1), value=IGNORED)
    return F.cross_entropy(logits.flatten(0, 1), following.flatten(), ignore_index=IGNORED, reduction="sum")


def dropout_seed(seed: int, step: int, rank: int) -> int:
    """The seed of the random numbers of a step on one rank."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])


def _plain_gradient_norm(engine: Engine) -> float | None:
    """The gradient norm where DeepSpeed does not compute it: stage 0 in fp32, where every rank holds the averaged gradients."""
    if engine.zero_optimization_stage() or engine.bfloat16_enabled():
        return None
    import torch

    return float(torch.nn.utils.get_total_norm([p.grad for p in engine.module.parameters() if p.grad is not None]))
