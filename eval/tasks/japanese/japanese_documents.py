"""Four Japanese benchmarks as lm-eval documents, read from the files that their authors publish."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.tasks.data_files import check_published, published_file, read_json_lines
from eval.tasks.reference_prompts import Recipe, add_prompts, check_runner
from eval.tasks.text_metrics import character_f1, exact_match, reference_f1, squad_match

if TYPE_CHECKING:
    import datasets

JapaneseItem = dict[str, Any]

CONTEXTS = 5
"""A JAQKET prompt holds this number of the question's passages, from the first."""


def load_documents(
    *,
    benchmark: str,
    language: str,
    scoring: str,
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
    """The scored split (`test`) and the split of the examples (`fewshot`); for `reference` scoring with prompts.

    With `data_dir` set, files are read from `data_dir/folder`, or from `data_dir` if it does not have that folder. Otherwise they
    are fetched and verified (`eval.tasks.data_files`).
    """
    import datasets

    check_runner(scoring, scored_by)
    splits = {}
    for role, source in files.items():
        path = published_file(benchmark, source, folder, data_dir)
        splits[role] = [{**item, "language": language} for item in READERS[benchmark](path)]
        if not splits[role]:
            raise ValueError(f"{path} does not hold an item that can be scored")
        if data_dir is None:
            check_published(path, source, len(splits[role]), data_lock)
    if reference is not None:
        recipe = Recipe.model_validate(reference)
        add_prompts(splits["test"], splits.get("fewshot", []), recipe, num_fewshot, seed)
    return {role: datasets.Dataset.from_list(items) for role, items in splits.items()}


def read_jcommonsenseqa(path: Path) -> list[JapaneseItem]:
    """JSON lines: q_id, question, choice0 to choice4, label."""
    items = []
    for row in read_json_lines(path):
        choices = [row[f"choice{number}"] for number in range(5)]
        items.append(
            {
                "id": str(row["q_id"]),
                "question": row["question"],
                "choices": choices,
                "gold": int(row["label"]),
                "text": choices[int(row["label"])],
                "choice_lines": "\n".join(f"- {choice}" for choice in choices),
            }
        )
    return items


def read_jemhopqa(path: Path) -> list[JapaneseItem]:
    """JSON list: qid, question, answer, and the facts that lead to it."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not valid JSON ({error}); fetch the file again") from error
    return [
        {"id": row["qid"], "question": row["question"], "text": row["answer"], "answers": [row["answer"]], "kind": row["type"]}
        for row in rows
    ]


def read_niilc(path: Path) -> list[JapaneseItem]:
    """XML: `question` with `text` and several `answers/answer`, which, joined by commas, are the answer.

    Questions whose answer is `-` (unknown) or missing are left out, as in llm-jp-eval.
    """
    content = path.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:  # entities could expand without end
        raise ValueError(f"{path}: the file declares a document type, so it is not read; the published files do not have one")
    try:
        root = ET.fromstring(content)  # noqa: S314  (no entities, see above)
    except ET.ParseError as error:
        raise ValueError(f"{path}: not valid XML ({error}); fetch the file again") from error
    items = []
    for question in root.iter("question"):
        parts = [(answer.text or "").strip() for answer in question.findall("answers/answer")]
        answer = ",".join(part for part in parts if part)
        if answer not in ("", "-"):
            text = (question.findtext("text") or "").strip()
            items.append({"id": question.attrib["id"], "question": text, "text": answer, "answers": [answer]})
    return items


def read_jaqket(path: Path) -> list[JapaneseItem]:
    """JSON lines: qid, question, answers {text: [...]}, and ctxs, {title: [...], text: [...]} or a list of {title, text}."""
    items = []
    for row in read_json_lines(path):
        passages = row["ctxs"]
        if isinstance(passages, Mapping):
            passages = [{"title": title, "text": text} for title, text in zip(passages["title"], passages["text"], strict=True)]
        contexts = [{"title": passage["title"], "text": passage["text"]} for passage in passages[:CONTEXTS]]
        answers = list(row["answers"]["text"])
        lines = "".join(f"[題名]:{context['title']}\n[問題]:{context['text']}\n" for context in contexts)
        items.append(
            {
                "id": row["qid"],
                "question": row["question"],
                "text": answers[0],
                "answers": answers,
                "contexts": contexts,
                "context_lines": lines,
            }
        )
    return items


READERS = {
    "jcommonsenseqa": read_jcommonsenseqa,
    "jemhopqa": read_jemhopqa,
    "niilc": read_niilc,
    "jaqket_v2": read_jaqket,
}


def process_standard(document: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Exact match and character F1 of a generated answer."""
    return {
        "exact_match": exact_match(results[0], document["answers"]),
        "char_f1": character_f1(results[0], document["answers"]),
    }


def process_reference(document: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """llm-jp-eval's char_f1, with each of the two libraries that it may have used."""
    return {
        "char_f1": reference_f1(results[0], document["text"]),
        "char_f1_levenshtein": reference_f1(results[0], document["text"], levenshtein=True),
    }


def process_exact(document: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Exact match after SQuAD's normalisation, as the Japanese evaluation harness scores JAQKET."""
    return {"exact_match": squad_match(results[0], document["answers"])}
