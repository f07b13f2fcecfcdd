"""X-CSR's rows as lm-eval documents, from the hub or from local files in the published layout.

Named in the YAML by `!function utils.load`; lm-eval calls it with the task's `metadata` and `dataset_kwargs`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import datasets

SPLIT = "validation"


class Item(TypedDict):
    """One item, ready to be scored."""

    id: str
    """Shared by all languages: items of one id are translations of each other."""
    language: str
    stem: str
    """The question; empty in X-CODAH."""
    choices: list[str]
    gold: int
    """Index of the right choice."""


def load(
    *,
    benchmark: str,
    code: str,
    language: str,
    hub_path: str,
    hub_revision: str,
    hub_config: str,
    local_file: str,
    data_dir: str | None = None,
    **_unused: Any,
) -> "dict[str, datasets.Dataset]":
    """The validation split of one benchmark in one language.

    `hub_config` and `local_file` are patterns over `benchmark` and `code`, the name of the language in the published data
    (Japanese is `jap` there). With `data_dir`, only `data_dir/local_file` is read. Further metadata is lm-eval's own.
    """
    import datasets

    if data_dir is not None:
        path = Path(data_dir, local_file.format(benchmark=benchmark, code=code))
        rows: Iterable[Mapping[str, Any]] = read_rows(path)
        source = str(path)
    else:
        config = hub_config.format(benchmark=benchmark, code=code)
        rows = datasets.load_dataset(hub_path, config, split=SPLIT, revision=hub_revision)
        source = f"{hub_path} ({config}, {SPLIT})"
    items = scorable(rows, language, source)
    if not items:
        raise ValueError(f"{source} holds no item that can be scored: expected rows with an answer and without blank choices")
    return {SPLIT: datasets.Dataset.from_list([dict(item) for item in items])}


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file; an error names the file and the line."""
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    rows.append(json.loads(line))
                except json.JSONDecodeError as error:
                    raise ValueError(f"{path}, line {number}: not valid JSON ({error}); fetch the file again") from error
    return rows


def scorable(rows: Iterable[Mapping[str, Any]], language: str, source: str) -> list[Item]:
    r"""The rows as items, in order, without those that have a blank choice: an empty text has no likelihood of its own.

    Surrounding whitespace is cut off, so that the delimiter in front of a choice is the only one.

    >>> choices = [{"label": "A", "text": "bleu "}, {"label": "B", "text": "sel"}]
    >>> scorable([{"id": "7", "question": {"stem": "Ciel?", "choices": choices}, "answerKey": "A"}], "fr", "here")
    [{'id': '7', 'language': 'fr', 'stem': 'Ciel?', 'choices': ['bleu', 'sel'], 'gold': 0}]
    """
    items: list[Item] = []
    for row in rows:
        labels, texts = _choices(row["question"]["choices"])
        if not all(texts):
            continue
        answer = row.get("answerKey")
        if answer not in labels:
            raise ValueError(
                f"{source}, item {row['id']}: the answer {answer!r} is none of {', '.join(labels)}; "
                "only the validation split (dev.jsonl) has its answers published"
            )
        stem = row["question"]["stem"].strip()
        items.append(Item(id=row["id"], language=language, stem=stem, choices=texts, gold=labels.index(answer)))
    return items


def _choices(choices: Any) -> tuple[list[str], list[str]]:
    """Labels and texts: the files hold a list of pairs, the hub's Parquet a pair of lists."""
    if isinstance(choices, Mapping):
        return list(choices["label"]), [text.strip() for text in choices["text"]]
    return [choice["label"] for choice in choices], [choice["text"].strip() for choice in choices]
