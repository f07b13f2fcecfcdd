"""Evaluations as eval.run writes them, with the answers that a test needs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.results.evaluation_results import SCHEMA_VERSION, EvalResults, Score, TaskResult, write_results
from eval.results.item_records import ItemRecord, write_records

LANGUAGES = ["en", "ja", "ar"]
ITEMS = 200


def answer(place: int, right: float, id_: str | None = None, **attributes) -> ItemRecord:
    """One item of three candidates, the first of them right."""
    return ItemRecord(
        doc_id=place,
        id=id_ or f"item{place}",
        loglikelihoods=[-1.0, -2.0, -3.0] if right else [-2.0, -1.0, -3.0],
        prediction=0 if right else 1,
        gold=0,
        metrics={"acc": float(right), "acc_norm": float(right)},
        doc_hash="d",
        prompt_hash="p",
        attributes=attributes,
    )


def write_evaluation(
    folder: Path, fingerprint: str, tasks: dict[str, Sequence[ItemRecord]], *, scoring="standard", reported=None, chance=1 / 3
) -> Path:
    """An evaluation of the model `fingerprint`; a task's language is the second part of its name."""
    found = {}
    for name, records in tasks.items():
        mean = sum(record.metrics["acc"] for record in records) / len(records)
        score = Score(value=mean, stderr=(mean * (1 - mean) / max(len(records) - 1, 1)) ** 0.5)
        found[name] = TaskResult(
            key=f"k{fingerprint}",
            version="1.0",
            scoring=scoring,
            language=name.split("_")[1],
            task_sha256="t",
            data={"items_sha256": "i"},
            settings={"num_fewshot": 0, "limit": None, "seed": 42, "dtype": "auto"},
            num_fewshot=0,
            dtype="float32",
            n=len(records),
            chance=chance,
            scores={"acc": score, "acc_norm": score},
            samples_sha256=write_records(folder, name, records),
            seconds=1.0,
            scoring_version="1",
            versions={"torch": "2.13.0"},
        )
    results = EvalResults(
        schema_version=SCHEMA_VERSION,
        model={"path": f"models/{fingerprint}", "fingerprint": fingerprint},
        configuration={"reported": reported},
        tasks=found,
    )
    write_results(folder, results)
    return folder


def write_scores(folder: Path, fingerprint: str, scores: dict[str, Sequence[float]], **options) -> Path:
    """An evaluation from the score of each item, by task."""
    tasks = {name: [answer(place, right) for place, right in enumerate(values)] for name, values in scores.items()}
    return write_evaluation(folder, fingerprint, tasks, **options)


def write_three_models(folder: Path) -> list[str]:
    """Arguments of eval.compare: base, ft (like base) and two runs of leia (better in Japanese and Arabic, equal in English)."""
    generator = np.random.default_rng(4)
    base = {f"xcsqa_{language}": generator.random(ITEMS) < 0.4 for language in LANGUAGES}
    few = {f"xcodah_{language}": generator.random(20) < 0.5 for language in ("en", "ja")}

    def changed(scores, share):
        return {name: np.where(generator.random(len(old)) < share.get(name[-2:], 0), 1, old) for name, old in scores.items()}

    return [
        str(write_scores(folder / "base", "aaa", base | few)),
        str(write_scores(folder / "ft", "bbb", changed(base, {"ja": 0.01}) | few)),
        "leia=" + ",".join(
            str(write_scores(folder / f"leia{run}", f"ccc{run}", changed(base, {"ja": 0.4, "ar": 0.4}) | few))
            for run in (1, 2)
        ),
    ]  # fmt: skip
