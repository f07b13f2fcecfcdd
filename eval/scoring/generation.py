"""Greedy continuations of prompts, cut at their stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, StoppingCriteria


@dataclass(frozen=True)
class Prompt:
    """A prompt as token ids; `index` is its position among the requests."""

    index: int
    ids: tuple[int, ...]
    stops: tuple[str, ...]
    """Texts that end the answer and are not part of it."""
    limit: int
    """Maximum number of new tokens."""


def batch_prompts(prompts: Sequence[Prompt], size: int) -> list[list[Prompt]]:
    """Batches of at most `size` prompts of similar length, the longest first: a function of the prompts and `size` alone."""
    ordered = sorted(prompts, key=lambda prompt: (-len(prompt.ids), prompt.index))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def keep_ends_only(model: Any, tokenizer: Any) -> None:
    """Reduce the model's generation_config.json to the tokens that end an answer, so that answers are greedy.

    transformers' `generate` applies that file: penalties and warpers would change greedy answers, and `suppress_tokens`, with
    which `training.model.model_export` hides the tags, would hide the tags that the task `tag_leakage` looks for.
    """
    saved = model.generation_config
    ends = saved.eos_token_id if isinstance(saved.eos_token_id, list) else [saved.eos_token_id]
    ends = sorted({token for token in (*ends, tokenizer.eos_token_id) if token is not None})
    model.generation_config = GenerationConfig(bos_token_id=saved.bos_token_id, eos_token_id=ends or None)


def generate_answers(model: Any, tokenizer: Any, batch: Sequence[Prompt]) -> dict[int, str]:
    """The greedy answer to each prompt by index. The model must be prepared by `keep_ends_only`.

    Added tokens stay in the answer, so that a leaked tag is visible; tokens that end the answer do not.
    """
    longest = max(len(prompt.ids) for prompt in batch)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0
    ids = torch.tensor([[pad] * (longest - len(prompt.ids)) + list(prompt.ids) for prompt in batch])
    mask = torch.tensor([[0] * (longest - len(prompt.ids)) + [1] * len(prompt.ids) for prompt in batch])
    with torch.inference_mode():
        sequences = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=max(prompt.limit for prompt in batch),
            do_sample=False,
            num_beams=1,
            pad_token_id=pad,
            stopping_criteria=[_AllStopped(tokenizer, longest, [prompt.stops for prompt in batch])],
        )
    ends = {pad, *(model.generation_config.eos_token_id or ())}
    return {
        prompt.index: _answer(tokenizer, row[: prompt.limit], prompt.stops, ends)
        for prompt, row in zip(batch, sequences[:, longest:].tolist(), strict=True)
    }


def _answer(tokenizer: Any, ids: Sequence[int], stops: Sequence[str], ends: set[int]) -> str:
    length = next((position for position, token in enumerate(ids) if token in ends), len(ids))
    return cut_at_stops(tokenizer.decode(ids[:length], skip_special_tokens=False), stops)


def cut_at_stops(text: str, stops: Sequence[str]) -> str:
    r"""`text` up to the first stop in it.

    >>> cut_at_stops("Paris\nQuestion", ["\n"])
    'Paris'
    """
    return text[: min((text.index(stop) for stop in stops if stop in text), default=len(text))]


class _AllStopped(StoppingCriteria):  # type: ignore[misc]  # transformers has no types here
    """Ends each row once its new text contains a stop."""

    def __init__(self, tokenizer: Any, start: int, stops: Sequence[Sequence[str]]) -> None:
        self._tokenizer, self._start, self._stops = tokenizer, start, stops

    def __call__(self, input_ids: torch.Tensor, _scores: torch.Tensor, **_: Any) -> torch.Tensor:
        texts = self._tokenizer.batch_decode(input_ids[:, self._start :])
        stopped = [any(stop in text for stop in stops) for text, stops in zip(texts, self._stops, strict=True)]
        return torch.tensor(stopped, device=input_ids.device)
