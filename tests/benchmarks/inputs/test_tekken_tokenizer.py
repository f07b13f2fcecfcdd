"""The tokenizer with a large vocabulary."""

import importlib.resources
from pathlib import Path

import pytest


def test_a_tekken_tokenizer_has_the_ids_of_mistral_common(load_benchmark, sample) -> None:
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")

    path = Path(str(importlib.resources.files("mistral_common").joinpath("data/tekken_240911.json")))
    tokenizer, theirs = load_benchmark("inputs.tekken_tokenizer").read_tekken(path), tekken.Tekkenizer.from_file(path)
    texts = [file.read_text(encoding="utf-8") for file in sorted(sample.glob("sources/*/*.wikitext"))]
    for text in [*texts, "", " ", "a" * 300, "𓀀𓀁", "x\u200by \r\n\n 12345", "<s>"]:
        assert tokenizer.encode(text).ids == theirs.encode(text, bos=False, eos=False), text[:80]
