"""What the other parts left behind, read through their files alone: the corpus, the training run, the evaluations."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from eval.results.evaluation_results import EvalResults, Score, TaskResult, problems, read_results
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.contract.table_schemas import MANIFEST, Manifest, read_manifest

BUILD = "_build.json"
METRICS = "metrics.jsonl"
RUN = "run.json"

_TORN = "was the run killed while it wrote? remove that line, or train again"


class BuiltWiki(BaseModel):
    """What became of one wiki: pages = other_namespaces + articles + redirects + rejects."""

    pages: int
    other_namespaces: int
    articles: int
    redirects: int
    rejects: int
    links: int
    links_with_name: dict[str, int]
    """Language of the name to number of links."""
    characters: int
    tokens: int


class Stage(BaseModel):
    """One stage of the build."""

    stage: str
    seconds: float
    skipped: bool


class Build(BaseModel):
    """<corpus>/_build.json: one build of the corpus."""

    configuration: dict[str, Any]
    started: str
    seconds: float
    spark_version: str
    code_version: str
    wikis: dict[str, BuiltWiki]
    stages: list[Stage]


@dataclass(frozen=True)
class Step:
    """One logged training step."""

    step: int
    loss: float
    tokens_per_second: float | None = None
    learning_rate: float | None = None


@dataclass(frozen=True)
class TrainingRun:
    """A training run: its steps in order, and what it says of itself."""

    steps: Sequence[Step]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One task before and after training."""

    task: str
    n: int
    chance: float
    scoring: str
    before: Mapping[str, Score]
    after: Mapping[str, Score]


def read_build(corpus: Path) -> Build:
    """The record of the build; refuses a folder without one."""
    path = _existing(corpus / BUILD, "corpus", "build the corpus with python -m spark_jobs.build")
    try:
        return Build.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigurationError(
            f"corpus: {path} cannot be read as the record of a build: {problems(error)}; build it again"
        ) from error


def read_build_manifests(corpus: Path) -> list[tuple[Path, Manifest]]:
    """Every published folder below `corpus`, by path, with its manifest; below `_...` lies what is not published."""
    found = []
    for path in sorted(corpus.rglob(MANIFEST)):
        if any(part.startswith("_") for part in path.parent.relative_to(corpus).parts):
            continue
        try:
            found.append((path.parent, read_manifest(path.parent)))
        except ValidationError as error:
            raise ConfigurationError(
                f"corpus: {path} cannot be read as a manifest: {problems(error)}; build that table again"
            ) from error
        except ValueError as error:  # another major version
            raise ConfigurationError(
                f"corpus: {error}; build the corpus again, or read it with the code that wrote it"
            ) from error
    return found


def read_augmented(corpus: Path, wiki: str) -> Iterator[dict[str, Any]]:
    """The rows of one wiki's `augmented` table, a batch in memory at a time: title, text, entities."""
    import pyarrow.parquet as pq

    folder = corpus / "augmented" / f"wiki={wiki}"
    _existing(folder, "corpus", "build the corpus with python -m spark_jobs.build")
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=256, columns=["title", "text", "entities"]):
            yield from batch.to_pylist()


def read_training_run(folder: Path) -> TrainingRun:
    """A training run's metrics; refuses one that logged no loss."""
    remedy = "train first: deepspeed training/train.py"
    path = _existing(folder / METRICS, "run", remedy)
    latest = {step.step: step for step in _steps(path)}  # a resumed run logs again the steps that it repeats
    if not latest:
        raise ConfigurationError(f"run: {path} holds no step with a loss; {remedy}")
    record = _existing(folder / RUN, "run", remedy)
    try:
        details = TypeAdapter(dict[str, Any]).validate_json(record.read_bytes())
    except ValidationError as error:
        raise ConfigurationError(f"run: {record} cannot be read as the record of a run: {problems(error)}; {remedy}") from error
    return TrainingRun([latest[number] for number in sorted(latest)], details)


def _steps(path: Path) -> Iterator[Step]:
    """The lines with a step and its loss, in the order of the file; a line that is torn or holds other types is named."""
    step = TypeAdapter(Step)
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if isinstance(record, dict) and record.keys() >= {"step", "loss"}:
                yield step.validate_python(record)
        except ValidationError as error:
            raise ConfigurationError(f"run: {path}, line {number}: {problems(error)}; {_TORN}") from error
        except ValueError as error:
            raise ConfigurationError(f"run: {path}, line {number}: not valid JSON ({error}); {_TORN}") from error


def compare_evaluations(before: EvalResults, after: EvalResults) -> list[Comparison]:
    """The tasks of both, in the order of `after`; refuses a task that the two answered under different conditions.

    Compared is what was used, whatever was asked for: equal items are equal data wherever they lay, `dtype: auto` counts as
    the format it chose, the seed only where it draws examples, and `limit` by the number of items that it left.
    """
    comparisons = []
    for name, new in after.tasks.items():
        old = before.tasks.get(name)
        if old is None:
            continue
        wanted, others = conditions(new), conditions(old)
        if different := [f"{key} ({others[key]}, {value})" for key, value in wanted.items() if others[key] != value]:
            raise ConfigurationError(
                f"before, after: {name} was not evaluated alike, the two differ in {', '.join(different)}; "
                "evaluate both again with the same settings"
            )
        comparisons.append(Comparison(name, new.n, new.chance, new.scoring, old.scores, new.scores))
    if not comparisons:
        raise ConfigurationError("before, after: the two evaluations have no task in common; evaluate both with the same tasks")
    return comparisons


def conditions(result: TaskResult) -> dict[str, Any]:
    """What must be equal of two results of a task that are compared, as it was used."""
    return {
        "scoring": result.scoring,
        "scoring_version": result.scoring_version,
        "task_sha256": result.task_sha256,
        "data": result.data["items_sha256"],
        "n": result.n,
        "num_fewshot": result.num_fewshot,
        "seed": result.settings["seed"] if result.num_fewshot else None,
        "dtype": result.dtype,
    }


def read_evaluations(before: Path, after: Path) -> tuple[EvalResults, EvalResults]:
    """Both evaluations; the message for a missing one names the key."""
    found = []
    for key, folder in (("before", before), ("after", after)):
        try:
            found.append(read_results(folder))
        except ConfigurationError as error:
            raise ConfigurationError(f"{key}: {error}") from error
    return found[0], found[1]


def _existing(path: Path, key: str, remedy: str) -> Path:
    if not path.exists():
        raise ConfigurationError(f"{key}: {path} does not exist (current folder: {Path.cwd()}); {remedy}")
    return path
