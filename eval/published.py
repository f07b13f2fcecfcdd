"""What the other parts left behind, read through their files alone: the corpus, the training run, the evaluations."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from eval.results import EvalResults, Score, problems, read_results
from spark_jobs.settings import ConfigurationError
from spark_jobs.tables import MANIFEST, Manifest, read_manifest

BUILD = "_build.json"
METRICS = "metrics.jsonl"
RUN = "run.json"


class WikiFigures(BaseModel):
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
    wikis: dict[str, WikiFigures]
    stages: list[Stage]


@dataclass(frozen=True)
class Step:
    """One logged training step."""

    step: int
    loss: float
    tokens_per_second: float | None
    learning_rate: float | None


@dataclass(frozen=True)
class Run:
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


def read_manifests(corpus: Path) -> list[tuple[Path, Manifest]]:
    """Every published folder below `corpus`, by path, with its manifest."""
    return [(path.parent, read_manifest(path.parent)) for path in sorted(corpus.rglob(MANIFEST))]


def read_augmented(corpus: Path, wiki: str) -> Iterator[dict[str, Any]]:
    """The rows of one wiki's `augmented` table, a batch in memory at a time: title, text, entities."""
    import pyarrow.parquet as pq

    folder = corpus / "augmented" / f"wiki={wiki}"
    _existing(folder, "corpus", "build the corpus with python -m spark_jobs.build")
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=256, columns=["title", "text", "entities"]):
            yield from batch.to_pylist()


def read_run(folder: Path) -> Run:
    """A training run's metrics; refuses one that logged no loss."""
    remedy = "train first: deepspeed training/train.py"
    path = _existing(folder / METRICS, "run", remedy)
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    steps = [
        Step(record["step"], record["loss"], record.get("tokens_per_second"), record.get("learning_rate"))
        for record in records
        if "loss" in record and "step" in record
    ]
    if not steps:
        raise ConfigurationError(f"run: {path} holds no step with a loss; {remedy}")
    details = json.loads(_existing(folder / RUN, "run", remedy).read_text(encoding="utf-8"))
    latest = {step.step: step for step in steps}  # a resumed run logs again the steps that it repeats
    return Run([latest[number] for number in sorted(latest)], details)


def compare_evaluations(before: EvalResults, after: EvalResults) -> list[Comparison]:
    """The tasks of both, in the order of `after`; refuses a task that the two answered under different conditions."""
    comparisons = []
    for name, new in after.tasks.items():
        old = before.tasks.get(name)
        if old is None:
            continue
        alike = ("scoring", "task_sha256", "num_fewshot", "n")
        different = [field for field in alike if getattr(old, field) != getattr(new, field)]
        if old.data.get("sha256", old.data) != new.data.get("sha256", new.data):
            different.append("data")
        if different:
            raise ConfigurationError(
                f"before, after: {name} was not evaluated alike, the two differ in {', '.join(different)}; evaluate both again"
            )
        comparisons.append(Comparison(name, new.n, new.chance, new.scoring, old.scores, new.scores))
    if not comparisons:
        raise ConfigurationError("before, after: the two evaluations have no task in common; evaluate both with the same tasks")
    return comparisons


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
