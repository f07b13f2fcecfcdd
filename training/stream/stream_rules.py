"""The rules of a stream from a configuration and the token ids of a tokenizer."""

from typing import Any

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.stream.stream_plan import Part, StreamRules


def stream_rules(settings: TrainSettings, tokenizer: Any, tags: tuple[int, int] | None, part: Part = "train") -> StreamRules:
    """The rules of the stream; `tokenizer` is one of transformers', `tags` are the ids of the tags if they are used.

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
