"""Evaluations of several models, paired item by item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.analysis.significance import RunScores
from eval.results.comparison_conditions import check_evaluated_alike
from eval.results.evaluation_results import EvalResults, read_results
from eval.results.item_records import ItemRecord, read_verified_records
from spark_jobs.common.errors import ConfigurationError


@dataclass(frozen=True)
class EvaluatedModel:
    """A model with its label: one evaluation, or one for each training run (seed)."""

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
    runs: Mapping[str, RunScores]
    """Label to the scores of its runs."""
    records: Mapping[str, tuple[tuple[ItemRecord, ...], ...]]
    """Label to the records of each of its runs."""

    @property
    def benchmark(self) -> str:
        """The name without the language: `xcsqa` of `xcsqa_ja`, `xcsqa_reference@4` of `xcsqa_ja_reference@4`."""
        name, at, count = self.name.partition("@")
        parts = [part for part in name.split("_") if part != self.language]
        return "_".join(parts) + at + count


def parse_model_argument(argument: str) -> tuple[str, tuple[Path, ...]]:
    """`DIR` or `LABEL=DIR[,DIR...]` as a label and folders; the default label is the folder's name.

    >>> parse_model_argument("leia=a/1,a/2")
    ('leia', (PosixPath('a/1'), PosixPath('a/2')))
    """
    label, equals, folders = argument.partition("=")
    paths = tuple(Path(folder) for folder in (folders if equals else label).split(",") if folder)
    if not paths or not label:
        raise ConfigurationError(f"{argument!r}: expected DIR or LABEL=DIR[,DIR...], as in leia=eval/seed1,eval/seed2")
    return (label if equals else paths[0].resolve().name), paths


def read_evaluated_model(argument: str) -> EvaluatedModel:
    """The evaluations of a model; raises `ConfigurationError` if two have the same weights: they are not two training runs."""
    label, folders = parse_model_argument(argument)
    results = tuple(read_results(folder) for folder in folders)
    fingerprints = [result.model["fingerprint"] for result in results]
    if len(set(fingerprints)) < len(fingerprints):
        raise ConfigurationError(
            f"{label}: two of {', '.join(map(str, folders))} evaluate the same model; list one evaluation for each training run"
        )
    return EvaluatedModel(label, folders, results)


def pair_tasks(models: Sequence[EvaluatedModel], metric: str | None = None) -> list[PairedTask]:
    """The tasks that all models finished, in the order of the first model.

    `metric` names the score to compare; by default, and in tasks without that score, it is a task's first. Raises
    `ConfigurationError` if no task is common, if a task's conditions differ, or if no task has the metric.
    """
    labels = [model.label for model in models]
    if len(set(labels)) < len(labels):
        raise ConfigurationError(f"the models' labels must differ, and are {', '.join(labels)}; write LABEL=DIR")
    evaluations = [
        (model, folder, result) for model in models for folder, result in zip(model.folders, model.results, strict=True)
    ]
    names = [name for name in evaluations[0][2].tasks if all(name in result.tasks for _, _, result in evaluations)]
    if not names:
        raise ConfigurationError(f"{', '.join(labels)} have no task in common; evaluate them with the same tasks")
    known = {score for name in names for score in evaluations[0][2].tasks[name].scores}
    if metric is not None and metric not in known:
        raise ConfigurationError(f"metric: {metric!r} is not a score of these tasks; they have {', '.join(sorted(known))}")
    for name in names:
        (_, folder, first), *others = evaluations
        for _, other, result in others:
            check_evaluated_alike(name, (str(folder), first.tasks[name]), (str(other), result.tasks[name]))
    return [_paired(name, models, metric) for name in names]


def _paired(name: str, models: Sequence[EvaluatedModel], metric: str | None) -> PairedTask:
    first = models[0].results[0].tasks[name]
    chosen = metric if metric in first.scores else next(iter(first.scores))
    records = {
        model.label: tuple(
            tuple(read_verified_records(folder, name, result.tasks[name]))
            for folder, result in zip(model.folders, model.results, strict=True)
        )
        for model in models
    }
    items = [record.id for record in records[models[0].label][0]]
    for label, runs in records.items():
        if any([record.id for record in run] != items for run in runs):
            raise ConfigurationError(f"{label}: the records of {name} hold other items; evaluate again")
    return PairedTask(
        name=name,
        metric=chosen,
        language=first.language,
        scoring=first.scoring,
        num_fewshot=first.num_fewshot,
        chance=first.chance,
        items=tuple(items),
        runs={
            label: RunScores(np.array([[record.metrics[chosen] for record in run] for run in runs]))
            for label, runs in records.items()
        },
        records=records,
    )
