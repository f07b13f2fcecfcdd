"""X-CSR's rows as lm-eval documents, from the hub or from local files in the published layout.

Named in the YAML by `!function utils.load`; lm-eval calls it with the task's `metadata` and `dataset_kwargs`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from eval.data_files import find_file
from eval.reference import Recipe, add_prompts, check_runner

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
    scoring: str,
    hub_path: str,
    hub_revision: str,
    hub_config: str,
    folder: str,
    files: Mapping[str, Mapping[str, Any]],
    data_dir: str | None = None,
    reference: Mapping[str, Any] | None = None,
    scored_by: str | None = None,
    num_fewshot: int | None = None,
    seed: int = 42,
    **_unused: Any,
) -> "dict[str, datasets.Dataset]":
    """The validation split of one benchmark in one language; in `reference` scoring with its prompts made.

    `hub_config` and the file's name are patterns over `benchmark` and `code`, the name of the language in the published data
    (Japanese is `jap` there). With `data_dir`, only the file below it is read. Further metadata is lm-eval's own.
    """
    import datasets

    check_runner(scoring, scored_by)
    if data_dir is not None:
        path = find_file(Path(data_dir), folder, files[SPLIT]["local"].format(benchmark=benchmark, code=code))
        rows: Iterable[Mapping[str, Any]] = read_rows(path)
        source = str(path)
    else:
        config = hub_config.format(benchmark=benchmark, code=code)
        rows = datasets.load_dataset(hub_path, config, split=SPLIT, revision=hub_revision)
        source = f"{hub_path} ({config}, {SPLIT})"
    items: list[dict[str, Any]]
    if reference is None:
        items = [dict(item) for item in scorable(rows, language, source)]
    else:
        items = with_prompts(rows, language, source, Recipe.model_validate(reference), num_fewshot, seed)
    if not items:
        raise ValueError(f"{source} holds no item that can be scored: expected rows with an answer and without blank choices")
    return {SPLIT: datasets.Dataset.from_list(items)}


def with_prompts(
    rows: Iterable[Mapping[str, Any]], language: str, source: str, recipe: Recipe, num_fewshot: int | None, seed: int
) -> list[dict[str, Any]]:
    """All rows, as they are published, with `prompt` and `continuations`: the original leaves none out and cuts nothing off."""
    items: list[dict[str, Any]] = [{**_item(row, language, source), "text": ""} for row in rows]
    for item in items:
        item["text"] = item["choices"][item["gold"]]
    add_prompts(items, items, recipe, num_fewshot, seed)
    return items


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
    found = []
    for row in rows:
        if not all(text.strip() for text in _choices(row["question"]["choices"])[1]):
            continue
        item = _item(row, language, source)
        item["stem"], item["choices"] = item["stem"].strip(), [choice.strip() for choice in item["choices"]]
        found.append(item)
    return found


def _item(row: Mapping[str, Any], language: str, source: str) -> Item:
    """A row as it is published."""
    labels, texts = _choices(row["question"]["choices"])
    answer = row.get("answerKey")
    if answer not in labels:
        raise ValueError(
            f"{source}, item {row['id']}: the answer {answer!r} is none of {', '.join(labels)}; "
            "only the validation split (dev.jsonl) has its answers published"
        )
    return Item(id=row["id"], language=language, stem=row["question"]["stem"], choices=texts, gold=labels.index(answer))


def _choices(choices: Any) -> tuple[list[str], list[str]]:
    """Labels and texts: the files hold a list of pairs, the hub's Parquet a pair of lists."""
    if isinstance(choices, Mapping):
        return list(choices["label"]), list(choices["text"])
    return [choice["label"] for choice in choices], [choice["text"] for choice in choices]
