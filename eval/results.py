"""What an evaluation leaves behind: the form of results.json and of the per-item records, and how they are written and read."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from spark_jobs.settings import ConfigurationError

SCHEMA_VERSION = "1.0"
RESULTS = "results.json"
SAMPLES = "samples"


class Score(BaseModel):
    """A mean over items."""

    value: float
    stderr: float | None
    """Standard error of the mean, sample standard deviation / sqrt(n); null for a single item."""


class TaskResult(BaseModel):
    """One finished task."""

    key: str
    """Hash of everything that the scores depend on; a run with an equal key takes the result as it is."""
    version: str
    """Version of the task, raised by hand when its meaning changes."""
    scoring: str
    """`standard` or `reference`; figures of different scorings must not be compared."""
    language: str | None
    task_sha256: str
    """The task's resolved YAML and the Python beside it."""
    data: dict[str, str]
    """`file` and `sha256` of local data, `hub` and `revision` otherwise."""
    settings: dict[str, Any]
    """num_fewshot as it was asked for, limit, seed, dtype."""
    num_fewshot: int
    """As it was used."""
    n: int
    """Items scored."""
    chance: float
    """Expected accuracy of a guess: the mean of 1 / number of choices."""
    scores: dict[str, Score]
    seconds: float


class EvalResults(BaseModel):
    """results.json."""

    schema_version: str
    model: dict[str, Any]
    """`path`, `fingerprint` (see eval/fingerprint.py) and, once loaded, `parameters`, `dtype` and `device`."""
    configuration: dict[str, Any]
    """The last run's, resolved."""
    versions: dict[str, str]
    tasks: dict[str, TaskResult]


class ItemRecord(BaseModel):
    """One line of samples/<task>.jsonl: what a paired test needs, and enough to see what was asked."""

    doc_id: int
    """Position in the task's documents."""
    id: str
    """The data's own id; equal ids in two languages are translations of each other."""
    loglikelihoods: list[float]
    """Of each choice, in nats, summed over its tokens."""
    prediction: int
    """Index of the largest log-likelihood (the first, in a tie)."""
    gold: int
    metrics: dict[str, float]
    """This item's part in each score: 0 or 1."""
    doc_hash: str
    prompt_hash: str


def task_key(parts: Mapping[str, Any]) -> str:
    """sha256 over what determines a task's scores. Batch size and device are left out: they change rounding, not meaning."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_aside(path: Path, text: str) -> None:
    """Write a whole file or nothing: readers see the old content until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def write_records(output_dir: Path, task: str, records: Sequence[ItemRecord]) -> None:
    """Write samples/<task>.jsonl."""
    write_aside(output_dir / SAMPLES / f"{task}.jsonl", "".join(f"{record.model_dump_json()}\n" for record in records))


def read_records(output_dir: Path, task: str) -> list[ItemRecord]:
    """The per-item records of a finished task."""
    lines = (output_dir / SAMPLES / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    return [ItemRecord.model_validate_json(line) for line in lines]


def problems(error: ValidationError) -> str:
    """What is wrong with a file, in one line: the places and what was expected there."""
    return ", ".join(f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}" for problem in error.errors()[:3])


def read_results(output_dir: Path) -> EvalResults:
    """The results in a folder; refuses a missing, torn or foreign file with a message that names it."""
    path = output_dir / RESULTS
    if not path.is_file():
        raise ConfigurationError(
            f"{path} does not exist: no evaluation was finished there; run python -m eval.run with output_dir={output_dir}"
        )
    try:
        results = EvalResults.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigurationError(f"{path} cannot be read as results: {problems(error)}; remove it and evaluate again") from error
    if results.schema_version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise ConfigurationError(
            f"{path} has schema version {results.schema_version!r}; this code reads {SCHEMA_VERSION}; evaluate again"
        )
    return results


def results_markdown(results: EvalResults, tasks: Sequence[str]) -> str:
    """The scores of `tasks` as a Markdown table, with what is needed to read them rightly."""
    lines = [
        f"# Evaluation of {results.model['path']}",
        "",
        "| task | scoring | few-shot | n | metric | value | ± stderr | chance |",
        "|---|---|--:|--:|---|--:|--:|--:|",
    ]
    for name in tasks:
        result = results.tasks[name]
        lines += [
            f"| {name} | {result.scoring} | {result.num_fewshot} | {result.n} | {metric} | {100 * score.value:.1f} "
            f"| {format_stderr(score)} | {100 * result.chance:.0f} |"
            for metric, score in result.scores.items()
        ]
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return "\n".join([*lines, "", "In per cent; one standard error over items.", "", f"Versions: {versions}", ""])


def format_stderr(score: Score) -> str:
    """A score's standard error in per cent, `–` where there is none."""
    return "–" if score.stderr is None else f"{100 * score.stderr:.1f}"
