"""Scores that others published (published_scores.yaml) beside our own reference scores, and the distance between them."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from eval.results.evaluation_results import EvalResults
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.packaged_yaml import read_packaged_yaml


@dataclass(frozen=True)
class PublishedDistance:
    """One task's published score and ours, in per cent."""

    task: str
    title: str
    """The model that the score was published for."""
    source: str
    published: float
    ours: float
    stderr: float | None
    """Standard error of ours, over items."""
    num_fewshot: int

    @property
    def points(self) -> float:
        """Ours minus the published score."""
        return self.ours - self.published


@cache
def read_published_scores() -> dict[str, dict[str, Any]]:
    """All published scores by model."""
    published: dict[str, dict[str, Any]] = read_packaged_yaml("eval.results", "published_scores.yaml")
    return published


def check_published_model(model: str | None) -> None:
    """Raise `ConfigurationError` for a model without published scores; None passes."""
    known = read_published_scores()
    if model is not None and model not in known:
        close = difflib.get_close_matches(model, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise ConfigurationError(f"reported: there are no published figures of {model!r}; {hint}")


def distances_to_published(results: EvalResults, names: Sequence[str], model: str | None) -> list[PublishedDistance]:
    """The distance of each named result to the score published for `model`, by the task's first metric.

    Results without a published score are left out; all of them if `model` is None.
    """
    if model is None:
        return []
    entry = read_published_scores()[model]
    found = []
    for name in names:
        task = name.partition("@")[0]
        if task in entry["scores"]:
            result = results.tasks[name]
            score = next(iter(result.scores.values()))
            found.append(
                PublishedDistance(
                    task=name,
                    title=entry["title"],
                    source=entry["source"],
                    published=entry["scores"][task],
                    ours=100 * score.value,
                    stderr=None if score.stderr is None else 100 * score.stderr,
                    num_fewshot=result.num_fewshot,
                )
            )
    return found


def mean_distances(runs: Sequence[Sequence[PublishedDistance]]) -> list[PublishedDistance]:
    """The distance of the mean over training runs, for each task that all of them have; of several runs without `stderr`."""
    if len(runs) == 1:
        return list(runs[0])
    scores = [{one.task: one.ours for one in run} for run in runs]
    return [
        replace(one, ours=sum(run[one.task] for run in scores) / len(runs), stderr=None)
        for one in runs[0]
        if all(one.task in run for run in scores)
    ]
