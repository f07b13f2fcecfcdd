"""Beginnings of sentences, packaged with the task, and the search for tags in a model's continuations."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datasets


def load_documents(*, tags: Sequence[str], **_unused: Any) -> "dict[str, datasets.Dataset]":
    """The beginnings (split `test`), with the `tags` to search for; the expected answer, `text`, is empty."""
    import datasets

    rows = json.loads((Path(__file__).parent / "prompts.json").read_text(encoding="utf-8"))
    return {"test": datasets.Dataset.from_list([{**row, "tags": list(tags), "text": ""} for row in rows])}


def process_continuation(document: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """`clean` is 1 if the continuation does not contain a tag, as one token or spelled in several."""
    return {"clean": float(not any(tag in results[0] for tag in document["tags"]))}
