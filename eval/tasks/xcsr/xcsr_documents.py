"""X-CSR's rows as lm-eval documents, from the hub or from local files in the published layout."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from eval.tasks.data_files import check_count, check_lock, find_file, read_json_lines
from eval.tasks.reference_prompts import Recipe, add_prompts, check_runner

if TYPE_CHECKING:
    import datasets

SPLIT = "validation"


class XcsrItem(TypedDict):
    """One item, ready to be scored."""

    id: str
    """Shared by all languages: items of one id are translations of each other."""
    language: str
    stem: str
    """The question; empty in X-CODAH."""
    choices: list[str]
    gold: int
    """Index of the correct choice."""


def load_documents(
    *,
    benchmark: str,
    code: str,
    language: str,
    scoring: str,
    hub_path: str,
    hub_revision: str,
    hub_config: str,
    hub_items: Mapping[str, int],
    folder: str,
    files: Mapping[str, Mapping[str, Any]],
    data_dir: str | None = None,
    data_lock: str | None = None,
    reference: Mapping[str, Any] | None = None,
    scored_by: str | None = None,
    num_fewshot: int | None = None,
    seed: int = 42,
    **_unused: Any,
) -> "dict[str, datasets.Dataset]":
    """The validation split of one benchmark in one language; for `reference` scoring with prompts.

    `hub_config` and the file's name are patterns over `benchmark` and `code`, the language's code in the published data (`jap`
    for Japanese). With `data_dir` set, only the file below it is read. Otherwise the hub's rows are read and must have the
    published number (`hub_items`, by benchmark) and the lock's hash; the description in the data set's info is their commit.
    """
    import datasets

    check_runner(scoring, scored_by)
    if data_dir is not None:
        path = find_file(Path(data_dir), folder, files[SPLIT]["local"].format(benchmark=benchmark, code=code))
        rows: Iterable[Mapping[str, Any]] = read_json_lines(path)
        source, commit = str(path), ""
    else:
        config = hub_config.format(benchmark=benchmark, code=code)
        source = f"{hub_path} ({config}, {SPLIT})"
        rows, commit = read_hub(hub_path, config, hub_revision)
        check_count(source, len(rows), hub_items[benchmark])
        check_lock(data_lock, source, rows_sha256(rows))
    items: list[dict[str, Any]]
    if reference is None:
        items = [dict(item) for item in scorable_items(rows, language, source)]
    else:
        items = items_with_prompts(rows, language, source, Recipe.model_validate(reference), num_fewshot, seed)
    if not items:
        raise ValueError(f"{source} does not hold an item that can be scored: rows need an answer and no blank choices")
    return {SPLIT: datasets.Dataset.from_list(items, info=datasets.DatasetInfo(description=commit))}


def read_hub(path: str, config: str, revision: str) -> tuple[Sequence[Mapping[str, Any]], str]:
    """The validation split of a data set of the hub, and the commit of `revision` (empty if unknown). Raises `OSError`."""
    import datasets

    try:
        builder = datasets.load_dataset_builder(path, config, revision=revision)
        builder.download_and_prepare()
        # The hash of a local folder with that name is shorter than that of a commit.
        return builder.as_dataset(split=SPLIT), builder.hash if len(builder.hash) == 40 else ""
    except Exception as error:  # the libraries below raise many HTTP errors without a common base
        raise OSError(f"{path} ({config}, {revision}) could not be read from the hub: {error}") from error


def rows_sha256(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hash of the published content: ids, questions, choices and answers in order, equal for all file formats."""
    digest = hashlib.sha256()
    for row in rows:
        content = [row["id"], *_question(row), row.get("answerKey")]
        digest.update(f"{json.dumps(content, ensure_ascii=False)}\n".encode())
    return digest.hexdigest()


def items_with_prompts(
    rows: Iterable[Mapping[str, Any]], language: str, source: str, recipe: Recipe, num_fewshot: int | None, seed: int
) -> list[dict[str, Any]]:
    """All rows, unchanged, with `prompt` and `continuations`: the original drops no row and trims no text."""
    items: list[dict[str, Any]] = [{**_item(row, language, source), "text": ""} for row in rows]
    for item in items:
        item["text"] = item["choices"][item["gold"]]
    add_prompts(items, items, recipe, num_fewshot, seed)
    return items


def scorable_items(rows: Iterable[Mapping[str, Any]], language: str, source: str) -> list[XcsrItem]:
    r"""The rows as items, in order, without rows that have a blank choice: an empty text has no likelihood.

    Surrounding whitespace is trimmed, so that the delimiter is the only space before a choice.

    >>> choices = [{"label": "A", "text": "bleu "}, {"label": "B", "text": "sel"}]
    >>> scorable_items([{"id": "7", "question": {"stem": "Ciel?", "choices": choices}, "answerKey": "A"}], "fr", "here")
    [{'id': '7', 'language': 'fr', 'stem': 'Ciel?', 'choices': ['bleu', 'sel'], 'gold': 0}]
    """
    found = []
    for row in rows:
        if not all(text.strip() for text in _question(row)[2]):
            continue
        item = _item(row, language, source)
        item["stem"], item["choices"] = item["stem"].strip(), [choice.strip() for choice in item["choices"]]
        found.append(item)
    return found


def _item(row: Mapping[str, Any], language: str, source: str) -> XcsrItem:
    """A row as an item, with its texts unchanged. Raises `ValueError` if its answer is not one of its choices."""
    stem, labels, texts = _question(row)
    answer = row.get("answerKey")
    if answer not in labels:
        raise ValueError(
            f"{source}, item {row['id']}: the answer {answer!r} is not one of {', '.join(labels)}; "
            "only the validation split (dev.jsonl) has its answers published"
        )
    return XcsrItem(id=row["id"], language=language, stem=stem, choices=texts, gold=labels.index(answer))


def _question(row: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """Stem, labels and texts of a row; its choices are a list of pairs in the files, a pair of lists in the hub's Parquet."""
    question = row["question"]
    stem, choices = (question["stem"], question["choices"]) if isinstance(question, Mapping) else (question, [])
    labels, texts = (
        (list(choices["label"]), list(choices["text"]))
        if isinstance(choices, Mapping)
        else ([choice["label"] for choice in choices], [choice["text"] for choice in choices])
    )
    for text in (stem, *texts):
        if not isinstance(text, str):
            raise ValueError(
                f"item {row['id']}: its question and choices must be strings, and one is {text!r}. Use the files that "
                "INK-USC/xcsr publishes; some copies have their strings split into characters"
            )
    return stem, labels, texts
