"""The rules of a stream: all that decides it beside the data, read from a configuration and a tokenizer, and its fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.link_sampling import Strategy
from training.config import TrainSettings

Part = Literal["train", "held_out"]

PLAN_VERSION = 2
"""Raised whenever the same inputs would give another stream; part of the fingerprint."""


@dataclass(frozen=True)
class StreamRules:
    """All that decides the stream beside the data. Token ids count as they are: another id is another stream."""

    seed: int
    sequence_length: int
    global_batch_size: int
    slots: int
    """A divisor of the global batch size: the most lanes that a wiki can have."""
    shuffle_window: int
    strategy: Strategy
    probability: float
    tags: tuple[int, int] | None
    bos: int | None
    eos: int | None
    predict_names: bool
    mask_documents: bool = False
    """Whether a token sees its own document only."""
    temperature: float = 1.0
    weights: tuple[tuple[str, float], ...] | None = None
    """(wiki, weight) of each wiki, sorted; replaces the temperature."""
    held_out: float = 0.0
    """Share of the documents that the stream leaves out, by a hash of (wiki, page_id) alone."""
    part: Part = "train"
    """held_out: the stream of the documents that `train` leaves out."""

    @property
    def frame(self) -> int:
        """Tokens around each document: BOS, EOS."""
        return (self.bos is not None) + (self.eos is not None)

    @property
    def num_tags(self) -> int:
        """Tags around a name."""
        return 0 if self.tags is None else 2


class SpecialTokens(Protocol):
    """A tokenizer of transformers, as far as its special tokens are concerned."""

    bos_token_id: int | None
    eos_token_id: int | None


def make_stream_rules(
    settings: TrainSettings, tokenizer: SpecialTokens, tags: tuple[int, int] | None, part: Part = "train"
) -> StreamRules:
    """The rules of the stream of a run; `tags` are the ids of the tags if they are used.

    Raises:
        ConfigurationError: when the tokenizer lacks a token that the configuration asks for.
    """
    special = {
        "bos": tokenizer.bos_token_id if settings.stream.bos else None,
        "eos": tokenizer.eos_token_id if settings.stream.eos else None,
    }
    for name, token_id in special.items():
        if getattr(settings.stream, name) and token_id is None:
            raise ConfigurationError(
                f"stream.{name}: true, but the tokenizer of {settings.model.path} has no {name.upper()} token; set it to false"
            )
    weights = settings.data.weights
    return StreamRules(
        seed=settings.seed,
        sequence_length=settings.stream.sequence_length,
        global_batch_size=settings.global_batch_size,
        slots=settings.slots,
        shuffle_window=settings.stream.shuffle_window,
        strategy=settings.insertion.strategy,
        probability=settings.insertion.probability,
        tags=tags,
        predict_names=settings.insertion.predict_names,
        mask_documents=settings.stream.mask_documents,
        temperature=settings.data.temperature,
        weights=None if weights is None else tuple(sorted(weights.items())),
        held_out=settings.data.held_out,
        part=part,
        **special,
    )


def stream_identity(data: Mapping[str, str], rules: StreamRules) -> dict[str, object]:
    """All inputs of the stream as plain values: `data` maps each wiki to the fingerprint of its shards."""
    content = {"plan_version": PLAN_VERSION, "data": dict(sorted(data.items())), "rules": asdict(rules)}
    return json.loads(json.dumps(content))  # type: ignore[no-any-return]


def identity_fingerprint(identity: Mapping[str, object]) -> str:
    """32 hex digits over a `stream_identity`, or over other plain values."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


def identity_differences(there: Mapping[str, object], here: Mapping[str, object]) -> list[str]:
    """The differences between two identities, a line for each value.

    >>> identity_differences({"rules": {"seed": 1, "bos": 1}}, {"rules": {"seed": 2, "bos": 1}})
    ['rules.seed: 1 there, 2 here']
    """
    lines = []
    for key in sorted({*there, *here}):
        one, other = there.get(key), here.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            lines += [f"{key}.{line}" for line in identity_differences(one, other)]
        elif one != other:
            lines.append(f"{key}: {one!r} there, {other!r} here")
    return lines
