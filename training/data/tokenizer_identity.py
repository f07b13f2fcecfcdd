"""The tokenizer that made the shards, and whether a model's tokenizer is the same."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from spark_jobs.common.storage import Location
from spark_jobs.contract.table_schemas import TOKENIZER_FOLDER, IdType
from spark_jobs.contract.vocabulary_hash import vocabulary_sha256
from training.config import DataSettings
from training.data.corpus_errors import CorpusError, display_path
from training.data.read_retries import read_with_retries


class TokenizerIdentity(BaseModel):
    """The metadata of a shard about its tokenizer; other keys are ignored."""

    name: str
    sha256: str
    """Of its tokenizer.json."""
    vocab_size: int
    vocabulary_sha256: str
    id_type: IdType


class ShardEncoding(NamedTuple):
    """How the text of a shard became tokens."""

    tokenizer: TokenizerIdentity
    span_mapping: str
    """How character spans became token spans."""


def require_one_encoding(encodings: Mapping[str, ShardEncoding]) -> ShardEncoding:
    """The encoding that all shards have in common; `encodings` maps the name of each shard to its own.

    Raises:
        CorpusError: when two shards differ.
    """
    (first_shard, first), *others = encodings.items()
    for shard, encoding in others:
        if encoding.tokenizer != first.tokenizer:
            raise CorpusError(
                f"data: {first_shard} and {shard} were encoded by different tokenizers (sha256 of tokenizer.json "
                f"{first.tokenizer.sha256[:12]}… and {encoding.tokenizer.sha256[:12]}…), although both are called "
                f"{first.tokenizer.name!r}; encode them again with one tokenizer"
            )
        if encoding.span_mapping != first.span_mapping:
            raise CorpusError(
                f"data: the spans of {first_shard} were mapped to tokens by {first.span_mapping!r}, those of {shard} by "
                f"{encoding.span_mapping!r}; encode them again with one encode.span_mapping"
            )
    return first


def check_vocabulary(tokenizer: TokenizerIdentity, vocabulary: Mapping[str, int], model: str) -> None:
    """Refuse a model whose tokenizer gives other ids than those in the shards; `model` names it in the message.

    Raises:
        CorpusError: when the vocabularies differ.
    """
    found = vocabulary_sha256(vocabulary, tokenizer.vocab_size)
    if found != tokenizer.vocabulary_sha256:
        raise CorpusError(
            f"model.path: the tokenizer of {model} ({len(vocabulary)} tokens, vocabulary sha256 {found[:12]}…) is not the one of "
            f"the shards ({tokenizer.name!r}, {tokenizer.vocab_size} tokens, {tokenizer.vocabulary_sha256[:12]}…), so token ids "
            "would mean other words; encode the corpus with the model's tokenizer, or train a model of the corpus's tokenizer"
        )


def find_tokenizer_difference(settings: DataSettings, tokenizer: TokenizerIdentity, model: Path) -> str | None:
    """The parts of a local model's tokenizer.json that split text differently from the corpus's; None without a difference.

    The sha256 of the file alone is too strict: transformers adds a post-processor when it saves a tokenizer, and a model that was
    trained before has the tags. So where it differs, the parts that make tokens are compared with the file beside the shards.
    The result is None, too, for a model without tokenizer.json, such as one named by its hub id.
    """
    if not (model / "tokenizer.json").is_file():
        return None
    content = (model / "tokenizer.json").read_bytes()
    if hashlib.sha256(content).hexdigest() == tokenizer.sha256:
        return None
    beside = Location.of(settings.corpus) / f"{settings.tokenizer_folder}/{TOKENIZER_FOLDER}/tokenizer.json"
    if not read_with_retries(beside.exists, display_path(beside), settings.attempts):
        return f"unknown parts ({display_path(beside)}, to compare it with, is missing)"
    published = read_with_retries(beside.read_bytes, display_path(beside), settings.attempts)
    ours, theirs = (_splitting_parts(json.loads(text), tokenizer.vocab_size) for text in (published, content))
    return ", ".join(part for part in ours if ours[part] != theirs[part]) or None


def _splitting_parts(tokenizer: Mapping[str, object], vocab_size: int) -> dict[str, object]:
    """The parts of a tokenizer.json that decide how text is split into tokens."""
    parts = {name: tokenizer.get(name) for name in ("normalizer", "pre_tokenizer", "model")}
    added: Sequence[dict[str, int]] = tokenizer.get("added_tokens") or ()  # type: ignore[assignment]
    return parts | {"added_tokens": [token for token in added if token["id"] < vocab_size]}
