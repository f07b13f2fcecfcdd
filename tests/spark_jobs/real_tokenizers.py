"""Two real tokenizers: SentencePiece BPE with byte fallback (32,000 ids), and byte-level BPE (131,072 ids)."""

import importlib.resources
from functools import cache
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source

BYTE_FALLBACK = "sentencepiece, byte fallback"
BYTE_LEVEL = "byte level, 131,072 ids"


def write_byte_level_tokenizer(repository: Path, folder: Path) -> None:
    """Write the tokenizer.json of a real tokenizer of more than 65,536 ids to `folder`."""
    (folder / "tokenizer.json").write_text(_read_byte_level_json(repository), encoding="utf-8")


@cache  # two test modules use it, and reading takes seconds
def _read_byte_level_json(repository: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "benchmarks")
        from inputs.tekken_tokenizer import read_tekken
    return read_tekken(Path(str(importlib.resources.files("mistral_common").joinpath("data/tekken_240911.json")))).to_str()


def load_byte_fallback_tokenizer() -> Tokenizer:
    """The tokenizer of the demo."""
    return load_tokenizer_source("package:mistral_common/data/tokenizer.model.v1", "own").load()
