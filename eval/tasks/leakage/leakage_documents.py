"""Beginnings of sentences, shipped with the task, and the search for tags in what a model makes of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datasets


def load(*, tags: Sequence[str], **_unused: Any) -> "dict[str, datasets.Dataset]":
    """The beginnings; `text` is the answer that is hoped for: none of the tags."""
    import datasets

    rows = json.loads((Path(__file__).parent / "prompts.json").read_text(encoding="utf-8"))
    return {"test": datasets.Dataset.from_list([{**row, "tags": list(tags), "text": ""} for row in rows])}


def process(document: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """1 if no tag stands in the continuation, whether as a token of its own or spelled out in several."""
    return {"clean": float(not any(tag in results[0] for tag in document["tags"]))}
