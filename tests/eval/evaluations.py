"""Evaluations as eval.run leaves them, with whatever answers a test needs."""

from collections.abc import Sequence
from pathlib import Path

from eval.results.evaluation_results import SCHEMA_VERSION, EvalResults, ItemRecord, Score, TaskResult, write_records
from spark_jobs.common.atomic_files import write_text_atomically


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
    write_text_atomically(folder / "results.json", results.model_dump_json())
    return folder
