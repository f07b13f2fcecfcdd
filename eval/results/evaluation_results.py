"""results.json of an evaluation: its form, and writing and reading it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from eval.results.input_checks import summarize_validation_error
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError

SCHEMA_VERSION = "2.1"
RESULTS = "results.json"


class Score(BaseModel):
    """A mean over items."""

    value: float
    stderr: float | None
    """Standard error of the mean, sample standard deviation / sqrt(n); null for a single item."""


class TaskResult(BaseModel):
    """One finished task."""

    key: str
    """Hash of everything that the scores depend on; a run with an equal key keeps the result."""
    version: str
    """Version of the task; raised when its meaning changes."""
    scoring: str
    """`standard` or `reference`; scores of the two must not be compared."""
    language: str | None
    task_sha256: str
    """The task's resolved YAML and the Python beside it."""
    data: dict[str, str]
    """Local files with their `sha256`, or the address of published data, with the hub's `commit`; and `items_sha256` of the
    items read."""
    settings: dict[str, Any]
    """limit, seed, and num_fewshot and dtype as configured."""
    num_fewshot: int
    """The number used."""
    dtype: str
    """Number format of the weights as used."""
    n: int
    """Items scored."""
    chance: float
    """Expected accuracy of a guess: the mean of 1 / number of choices; 0 where the model writes its answer."""
    scores: dict[str, Score]
    samples_sha256: str
    """Of samples/<task>.jsonl, which is written first: a run killed between the two leaves records that do not match."""
    seconds: float
    scoring_version: str
    """`SCORING_VERSION` in eval/scoring/result_keys.py."""
    versions: dict[str, str]
    """Packages that the task was scored with."""


class EvalResults(BaseModel):
    """results.json."""

    schema_version: str
    model: dict[str, Any]
    """`path`, `fingerprint` (see eval/scoring/model_fingerprint.py) and, once loaded, `parameters`, `dtype` and `device`."""
    configuration: dict[str, Any]
    """Resolved configuration of the last run."""
    tasks: dict[str, TaskResult]


class _Versioned(BaseModel):
    schema_version: str


def write_results(output_dir: Path, results: EvalResults) -> None:
    """Write results.json: whole or not at all."""
    write_text_atomically(output_dir / RESULTS, results.model_dump_json(indent=1))


def read_results(output_dir: Path) -> EvalResults:
    """The results in a folder; raises `ConfigurationError` if the file is missing, damaged or of another major version."""
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
        problems = summarize_validation_error(error)
        raise ConfigurationError(f"{path} cannot be read as results: {problems}; remove it and evaluate again") from error


def versions_used(tasks: Iterable[TaskResult]) -> dict[str, str]:
    """Package to its version; all versions where tasks were scored with several: `5.22.0, 5.23.0`."""
    found: dict[str, set[str]] = {}
    for task in tasks:
        for name, version in task.versions.items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}
