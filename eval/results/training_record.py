"""The record of a training run: metrics.jsonl and run.json in its output folder."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eval.results.input_checks import require_path, summarize_validation_error
from spark_jobs.common.errors import ConfigurationError

METRICS = "metrics.jsonl"
RUN = "run.json"

_TRUNCATED = "was the run killed while it wrote? remove that line, or train again"


@dataclass(frozen=True)
class LoggedStep:
    """One logged training step."""

    step: int
    loss: float
    tokens_per_second: float | None = None
    learning_rate: float | None = None


@dataclass(frozen=True)
class TrainingRecord:
    """A training run: its steps in order, and run.json as `details`."""

    steps: Sequence[LoggedStep]
    details: Mapping[str, Any]

    @property
    def median_throughput(self) -> float | None:
        """Median of the steps' tokens per second (the first steps are slow); None where none was logged."""
        values = [step.tokens_per_second for step in self.steps if step.tokens_per_second is not None]
        return median(values) if values else None


def read_training_record(folder: Path) -> TrainingRecord:
    """The record of a training run; raises `ConfigurationError` if a file is missing or damaged, or no loss was logged."""
    remedy = "train first: deepspeed training/train.py"
    path = require_path(folder / METRICS, "run", remedy)
    latest = {step.step: step for step in _read_steps(path)}  # a resumed run logs the steps that it repeats again
    if not latest:
        raise ConfigurationError(f"run: {path} holds no step with a loss; {remedy}")
    record = require_path(folder / RUN, "run", remedy)
    try:
        details = TypeAdapter(dict[str, Any]).validate_json(record.read_bytes())
    except ValidationError as error:
        problems = summarize_validation_error(error)
        raise ConfigurationError(f"run: {record} cannot be read as the record of a run: {problems}; {remedy}") from error
    return TrainingRecord([latest[number] for number in sorted(latest)], details)


def _read_steps(path: Path) -> Iterator[LoggedStep]:
    """The lines with a step and its loss, in file order; raises `ConfigurationError` with the number of a damaged line."""
    step = TypeAdapter(LoggedStep)
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if isinstance(record, dict) and record.keys() >= {"step", "loss"}:
                yield step.validate_python(record)
        except ValidationError as error:
            raise ConfigurationError(f"run: {path}, line {number}: {summarize_validation_error(error)}; {_TRUNCATED}") from error
        except ValueError as error:
            raise ConfigurationError(f"run: {path}, line {number}: not valid JSON ({error}); {_TRUNCATED}") from error
