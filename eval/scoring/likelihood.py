"""Log-likelihoods of continuations; each context is computed once.

A multiple-choice item has several continuations of one context, and with examples in front the context is nearly all of the
text. A first pass over the contexts keeps keys and values; a second pass scores all continuations from there. An item costs one
context and its continuations, not one context for each. Logits are computed for the continuations alone, which matters for a
large vocabulary (262,144 in Gemma 3: two thirds of its small models' work).
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch


@dataclass(frozen=True)
class Candidate:
    """One continuation of a context, as token ids; `index` is its position among the requests."""

    index: int
    context: tuple[int, ...]
    """At least one token: the first token of the continuation is predicted from it."""
    continuation: tuple[int, ...]


@dataclass(frozen=True)
class CandidateScore:
    """The model's score of a continuation."""

    loglikelihood: float
    """Nats, summed over its tokens; 0 for a continuation without tokens."""
    is_greedy: bool
    """Whether each of its tokens is the likeliest at its position."""


def batch_candidates(candidates: Sequence[Candidate], size: int) -> list[list[Candidate]]:
    """Batches of at most `size` candidates, those of one context together: a function of the candidates and `size` alone.

    Long contexts come first, so that a batch that does not fit the device fails at once.

    >>> [[c.index for c in batch] for batch in batch_candidates([Candidate(0, (1, 2), (3,)), Candidate(1, (1, 2, 3), (4,))], 8)]
    [[1, 0]]
    """
    ordered = sorted(candidates, key=lambda c: (-len(c.context), c.context, -len(c.continuation), c.index))
    filled: list[list[Candidate]] = [[]]
    for _, group in groupby(ordered, key=lambda c: c.context):
        members = list(group)
        for start in range(0, len(members), size):
            part = members[start : start + size]
            # A context of one token is computed with its candidates; others need a separate pass.
            alone = bool(filled[-1]) and len(filled[-1][0].context) > 1 == len(part[0].context)
            if alone or len(filled[-1]) + len(part) > size:
                filled.append([])
            filled[-1].extend(part)
    return [batch for batch in filled if batch]


def score_candidates(model: Any, batch: Sequence[Candidate]) -> dict[int, CandidateScore]:
    """Scores of one batch by index. Halves a batch that the device has no memory for."""
    try:
        with torch.inference_mode():
            return dict(_score_batch(model, batch))
    except torch.OutOfMemoryError:
        if len(batch) == 1:
            raise
        torch.cuda.empty_cache()
    middle = len(batch) // 2
    return score_candidates(model, batch[:middle]) | score_candidates(model, batch[middle:])


def _score_batch(model: Any, batch: Sequence[Candidate]) -> Iterator[tuple[int, CandidateScore]]:
    scored = [candidate for candidate in batch if candidate.continuation]
    yield from ((candidate.index, CandidateScore(0.0, True)) for candidate in batch if not candidate.continuation)
    if not scored:
        return
    contexts = list(dict.fromkeys(candidate.context for candidate in scored))
    rows = [contexts.index(candidate.context) for candidate in scored]
    logits = _logits(model, contexts, rows, [(*c.context[-1:], *c.continuation[:-1]) for c in scored])
    start = 0
    for candidate in scored:
        target = torch.tensor(candidate.continuation, device=logits.device)
        found = logits[start : start + len(target)].float()  # bfloat16 has steps of 0.25 at -50 nats, and ties
        start += len(target)
        loglikelihoods = found.gather(-1, target[:, None])[:, 0] - found.logsumexp(-1)
        yield candidate.index, CandidateScore(float(loglikelihoods.sum()), bool((found.argmax(-1) == target).all()))


def _logits(
    model: Any, contexts: Sequence[tuple[int, ...]], rows: Sequence[int], inputs: Sequence[tuple[int, ...]]
) -> torch.Tensor:
    """(tokens of all inputs, vocabulary): logits after each input token. `rows` gives the index of each input's context.

    A context's last token is its candidates' first input, so a context of one token needs no separate pass.
    """
    device = model.device
    ids = _padded(inputs, device, left=False)
    lengths = torch.tensor([len(text) for text in inputs], device=device)
    steps = torch.arange(ids.shape[1], device=device)
    seen = torch.tensor([len(contexts[row]) - 1 for row in rows], device=device)
    options: Mapping[str, Any] = {}
    if max(map(len, contexts)) > 1:
        cache, mask = _read_contexts(model, [context[:-1] for context in contexts])
        chosen = torch.tensor(rows, device=device)
        cache.batch_select_indices(chosen)
        whole = torch.cat([mask[chosen], torch.ones_like(ids, dtype=torch.bool)], dim=1)
        # Before 5.24, transformers called the argument `past_key_values`.
        name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
        options = {name: cache, "attention_mask": whole.long()}
    with _logits_at(model, steps[None] < lengths[:, None]):
        logits: torch.Tensor = model(input_ids=ids, position_ids=seen[:, None] + steps, **options).logits
    return logits[0]


def _read_contexts(model: Any, contexts: Sequence[tuple[int, ...]]) -> tuple[Any, torch.Tensor]:
    """Keys and values of the contexts, and (contexts, longest): True at tokens, False at padding."""
    lengths = torch.tensor([len(context) for context in contexts], device=model.device)
    # Padding is on the left, so that keys and values end where the candidates begin.
    mask = torch.arange(int(lengths.max()), device=model.device)[None] >= lengths.max() - lengths[:, None]
    with _logits_at(model, torch.zeros_like(mask)):
        output = model(
            input_ids=_padded(contexts, model.device, left=True),
            attention_mask=mask.long(),
            position_ids=(mask.long().cumsum(-1) - 1).clamp(min=0),
            use_cache=True,
        )
    return (output.cache if hasattr(output, "cache") else output.past_key_values), mask


@contextmanager
def _logits_at(model: Any, positions: torch.Tensor) -> Iterator[None]:
    """Within it, the model's logits are (1, positions that are True, vocabulary): other positions are not computed."""
    handle = model.get_output_embeddings().register_forward_pre_hook(lambda _, hidden: (hidden[0][positions][None],))
    try:
        yield
    finally:
        handle.remove()


def _padded(texts: Sequence[Sequence[int]], device: torch.device, *, left: bool) -> torch.Tensor:
    """Token ids as one tensor, padded with 0. Padding has no effect: causal attention ends before it, or a mask hides it."""
    longest = max(map(len, texts))
    padded = [[*[0] * (longest - len(text)), *text] if left else [*text, *[0] * (longest - len(text))] for text in texts]
    return torch.tensor(padded, device=device)
