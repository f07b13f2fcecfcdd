"""Evaluations of several models, paired item by item: which results belong together, and in what order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.analysis.significance import Runs
from eval.results.artifacts import conditions
from eval.results.evaluation_results import EvalResults, ItemRecord, TaskResult, read_results, records_of
from spark_jobs.common.errors import ConfigurationError


@dataclass(frozen=True)
class Model:
    """A model under its label: one evaluation, or one for each training run (seed)."""

    label: str
    folders: tuple[Path, ...]
    results: tuple[EvalResults, ...]


@dataclass(frozen=True)
class PairedTask:
    """One task that all models answered, under the same conditions."""

    name: str
    metric: str
    language: str | None
    scoring: str
    num_fewshot: int
    chance: float
    items: tuple[str, ...]
    """Ids, in the order of the scores; equal ids in several languages are translations of each other."""
    runs: Mapping[str, Runs]
    """Label to scores."""
    records: Mapping[str, tuple[tuple[ItemRecord, ...], ...]]
    """Label to the records of each of its runs."""

    @property
    def benchmark(self) -> str:
        """What languages have in common: `xcsqa` of `xcsqa_ja`, `xcsqa_reference` of `xcsqa_ja_reference`, with its count."""
        name, at, count = self.name.partition("@")
        parts = [part for part in name.split("_") if part != self.language]
        return "_".join(parts) + at + count


def parse_model(argument: str) -> tuple[str, tuple[Path, ...]]:
    """`DIR` or `LABEL=DIR[,DIR...]` as a label and folders; the label of a bare folder is its name.

    >>> parse_model("leia=a/1,a/2")
    ('leia', (PosixPath('a/1'), PosixPath('a/2')))
    """
    label, equals, folders = argument.partition("=")
    paths = tuple(Path(folder) for folder in (folders if equals else label).split(",") if folder)
    if not paths or not label:
        raise ConfigurationError(f"{argument!r}: expected DIR or LABEL=DIR[,DIR...], as in leia=eval/seed1,eval/seed2")
    return (label if equals else paths[0].resolve().name), paths


def read_model(argument: str) -> Model:
    """A model's evaluations; refuses two of the very same model, which are no two training runs."""
    label, folders = parse_model(argument)
    results = tuple(read_results(folder) for folder in folders)
    prints = [result.model["fingerprint"] for result in results]
    if len(set(prints)) < len(prints):
        raise ConfigurationError(
            f"{label}: two of {', '.join(map(str, folders))} are of one and the same model, so no further run"
        )
    return Model(label, folders, results)


def pair(models: Sequence[Model], metric: str | None = None) -> list[PairedTask]:
    """The tasks that all models finished, in the first one's order; refuses a task that was not evaluated alike.

    `metric` names the score to compare; by default, and in tasks that have no such score, it is a task's first. A metric that no
    task has is refused: it was mistyped.
    """
    labels = [model.label for model in models]
    if len(set(labels)) < len(labels):
        raise ConfigurationError(f"the models' labels must differ, and are {', '.join(labels)}; give LABEL=DIR")
    everything = [
        (model, folder, result) for model in models for folder, result in zip(model.folders, model.results, strict=True)
    ]
    names = [name for name in everything[0][2].tasks if all(name in result.tasks for _, _, result in everything)]
    if not names:
        raise ConfigurationError(f"{', '.join(labels)} have no task in common; evaluate them with the same tasks")
    known = {score for name in names for score in everything[0][2].tasks[name].scores}
    if metric is not None and metric not in known:
        raise ConfigurationError(f"metric: {metric!r} is no score of these tasks; there are {', '.join(sorted(known))}")
    for name in names:
        _check_alike(name, [(folder, result.tasks[name]) for _, folder, result in everything])
    return [_paired(name, models, metric) for name in names]


def _check_alike(name: str, results: Sequence[tuple[Path, TaskResult]]) -> None:
    folder, first = results[0]
    expected = conditions(first)
    for other, result in results[1:]:
        found = conditions(result)
        if different := [f"{key} ({expected[key]}, {value})" for key, value in found.items() if expected[key] != value]:
            raise ConfigurationError(
                f"{folder}, {other}: {name} was not evaluated alike, the two differ in {', '.join(different)}; "
                "evaluate both again with the same settings"
            )


def _paired(name: str, models: Sequence[Model], metric: str | None) -> PairedTask:
    first = models[0].results[0].tasks[name]
    chosen = metric if metric in first.scores else next(iter(first.scores))
    records = {
        model.label: tuple(
            tuple(records_of(folder, name, result.tasks[name]))
            for folder, result in zip(model.folders, model.results, strict=True)
        )
        for model in models
    }
    items = [record.id for record in records[models[0].label][0]]
    for label, runs in records.items():
        if any([record.id for record in run] != items for run in runs):
            raise ConfigurationError(f"{label}: the records of {name} are of other items; evaluate again")
    return PairedTask(
        name=name,
        metric=chosen,
        language=first.language,
        scoring=first.scoring,
        num_fewshot=first.num_fewshot,
        chance=first.chance,
        items=tuple(items),
        runs={
            label: Runs(np.array([[record.metrics[chosen] for record in run] for run in runs])) for label, runs in records.items()
        },
        records=records,
    )
