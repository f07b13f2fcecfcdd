"""Per-item records of a task, samples/<task>.jsonl: their form, and writing and reading them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from eval.results.evaluation_results import TaskResult
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError

SAMPLES = "samples"


class ItemRecord(BaseModel):
    """One line of samples/<task>.jsonl: enough for a paired test, and to identify the question."""

    doc_id: int
    """Position in the task's documents."""
    id: str
    """Id of the item in the data; equal ids in two languages are translations of each other."""
    loglikelihoods: list[float] = []
    """One for each choice, in nats, summed over its tokens; empty where the model writes its answer."""
    prediction: int | str
    """Index of the largest log-likelihood (the first, in a tie), or the answer that was written."""
    gold: int | str
    metrics: dict[str, float]
    """This item's part in each score, 0 to 1."""
    doc_hash: str
    prompt_hash: str
    attributes: dict[str, Any] = {}
    """Fields of the data beside the question, for error analysis: population of a city, names of the entity."""


def write_records(output_dir: Path, task: str, records: Sequence[ItemRecord]) -> str:
    """Write samples/<task>.jsonl; returns its sha256."""
    text = "".join(f"{record.model_dump_json()}\n" for record in records)
    write_text_atomically(_records_path(output_dir, task), text)
    return hashlib.sha256(text.encode()).hexdigest()


def records_sha256(output_dir: Path, task: str) -> str | None:
    """sha256 of samples/<task>.jsonl; None if the file does not exist."""
    path = _records_path(output_dir, task)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def read_records(output_dir: Path, task: str) -> list[ItemRecord]:
    """The per-item records of a finished task."""
    lines = _records_path(output_dir, task).read_text(encoding="utf-8").splitlines()
    return [ItemRecord.model_validate_json(line) for line in lines]


def read_verified_records(output_dir: Path, task: str, result: TaskResult) -> list[ItemRecord]:
    """The per-item records behind a result; raises `ConfigurationError` if the file is missing or its sha256 differs."""
    found = records_sha256(output_dir, task)
    if found != result.samples_sha256:
        problem = (
            "does not exist: the results beside it have lost their items"
            if found is None
            else "holds other records than those behind the results beside it: a run was stopped, or the file was changed"
        )
        raise ConfigurationError(f"{_records_path(output_dir, task)} {problem}; run python -m eval.run for {output_dir} again")
    return read_records(output_dir, task)


def _records_path(output_dir: Path, task: str) -> Path:
    return output_dir / SAMPLES / f"{task}.jsonl"
