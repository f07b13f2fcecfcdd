"""What an evaluation leaves behind: the form of results.json and of the per-item records, and how they are written and read."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError

SCHEMA_VERSION = "2.1"
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
    """Local files with their `sha256`, or where the data are published, with the hub's `commit`; and `items_sha256` of the items
    read from there."""
    settings: dict[str, Any]
    """num_fewshot and dtype as they were asked for, limit, seed."""
    num_fewshot: int
    """As it was used."""
    dtype: str
    """Number format of the weights, as it was used."""
    n: int
    """Items scored."""
    chance: float
    """Expected accuracy of a guess: the mean of 1 / number of choices; 0 where an answer is written."""
    scores: dict[str, Score]
    samples_sha256: str
    """Of samples/<task>.jsonl, which is written first: a run killed between the two leaves records that do not fit."""
    seconds: float
    scoring_version: str
    """`SCORING_VERSION` in eval/scoring/lm_eval_adapter.py."""
    versions: dict[str, str]
    """Packages that the task was scored with."""


class EvalResults(BaseModel):
    """results.json."""

    schema_version: str
    model: dict[str, Any]
    """`path`, `fingerprint` (see eval/scoring/model_fingerprint.py) and, once loaded, `parameters`, `dtype` and `device`."""
    configuration: dict[str, Any]
    """The last run's, resolved."""
    tasks: dict[str, TaskResult]


class _Versioned(BaseModel):
    schema_version: str


class ItemRecord(BaseModel):
    """One line of samples/<task>.jsonl: what a paired test needs, and enough to see what was asked."""

    doc_id: int
    """Position in the task's documents."""
    id: str
    """The data's own id; equal ids in two languages are translations of each other."""
    loglikelihoods: list[float] = []
    """Of each choice, in nats, summed over its tokens; empty where an answer is written."""
    prediction: int | str
    """Index of the largest log-likelihood (the first, in a tie), or the answer that was written."""
    gold: int | str
    metrics: dict[str, float]
    """This item's part in each score, 0 to 1."""
    doc_hash: str
    prompt_hash: str
    attributes: dict[str, Any] = {}
    """What the data say of the item beside the question, for error analysis: population of a city, names of the entity."""


def task_key(parts: Mapping[str, Any]) -> str:
    """sha256 over what determines a task's scores. Batch size and device are left out: they change rounding, not meaning."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_records(output_dir: Path, task: str, records: Sequence[ItemRecord]) -> str:
    """Write samples/<task>.jsonl; returns its sha256."""
    text = "".join(f"{record.model_dump_json()}\n" for record in records)
    write_text_atomically(_records(output_dir, task), text)
    return hashlib.sha256(text.encode()).hexdigest()


def records_sha256(output_dir: Path, task: str) -> str | None:
    """sha256 of samples/<task>.jsonl; None where there is no such file."""
    path = _records(output_dir, task)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def read_records(output_dir: Path, task: str) -> list[ItemRecord]:
    """The per-item records of a finished task."""
    lines = _records(output_dir, task).read_text(encoding="utf-8").splitlines()
    return [ItemRecord.model_validate_json(line) for line in lines]


def records_of(output_dir: Path, name: str, result: TaskResult) -> list[ItemRecord]:
    """The per-item records that a result was taken from; refuses records that are gone or are not those."""
    found = records_sha256(output_dir, name)
    if found != result.samples_sha256:
        what = (
            "does not exist: the results beside it have lost their items"
            if found is None
            else "holds other records than those that the results beside it are of: a run was stopped, or the file was changed"
        )
        raise ConfigurationError(f"{_records(output_dir, name)} {what}; run python -m eval.run for {output_dir} again")
    return read_records(output_dir, name)


def _records(output_dir: Path, task: str) -> Path:
    return output_dir / SAMPLES / f"{task}.jsonl"


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
    content = path.read_bytes()
    try:
        version = _Versioned.model_validate_json(content).schema_version
        if version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            raise ConfigurationError(
                f"{path} has schema version {version!r}, this code reads {SCHEMA_VERSION}; remove it and evaluate again"
            )
        return EvalResults.model_validate_json(content)
    except ValidationError as error:
        raise ConfigurationError(f"{path} cannot be read as results: {problems(error)}; remove it and evaluate again") from error


def versions_used(tasks: Iterable[TaskResult]) -> dict[str, str]:
    """Package to its version; where tasks were scored with several, all of them: `5.22.0, 5.23.0`."""
    found: dict[str, set[str]] = {}
    for task in tasks:
        for name, version in task.versions.items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


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
    used = versions_used(results.tasks[name] for name in tasks)
    versions = "; ".join(f"{name} {version}" for name, version in used.items())
    return "\n".join([*lines, "", "In per cent; one standard error over items.", "", f"Versions: {versions}", ""])


def format_stderr(score: Score) -> str:
    """A score's standard error in per cent, `–` where there is none."""
    return "–" if score.stderr is None else f"{100 * score.stderr:.1f}"


def count_tasks(number: int) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} task{'' if number == 1 else 's'}"
