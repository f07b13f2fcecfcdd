"""Figures that others published (eval/results/published_scores.yaml) beside our own reference scores, with the distance between them."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from rich.table import Table

from eval.results.evaluation_results import EvalResults
from spark_jobs.common.errors import ConfigurationError


@dataclass(frozen=True)
class Distance:
    """One task's published figure and ours, in per cent."""

    task: str
    title: str
    """The model that the figure was published for."""
    source: str
    reported: float
    ours: float
    stderr: float | None
    """Of ours, over items."""
    num_fewshot: int

    @property
    def points(self) -> float:
        """Ours minus the published one."""
        return self.ours - self.reported


@cache
def read_reported() -> dict[str, dict[str, Any]]:
    """All published figures by the models' names."""
    text = (files("eval.results") / "published_scores.yaml").read_text(encoding="utf-8")
    reported: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return reported


def check_reported(name: str | None) -> None:
    """Refuse a name that no figures stand under."""
    known = read_reported()
    if name is not None and name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise ConfigurationError(f"reported: there are no published figures of {name!r}; {hint}")


def distances_to_reported(results: EvalResults, names: Sequence[str], model: str | None) -> list[Distance]:
    """The distance of each named result to what was published for `model`, by the task's first metric; none without a model."""
    if model is None:
        return []
    entry = read_reported()[model]
    found = []
    for name in names:
        task = name.partition("@")[0]
        if task in entry["scores"]:
            result = results.tasks[name]
            score = next(iter(result.scores.values()))
            stderr = None if score.stderr is None else 100 * score.stderr
            found.append(
                Distance(
                    name, entry["title"], entry["source"], entry["scores"][task], 100 * score.value, stderr, result.num_fewshot
                )
            )
    return found


def mean_distances(runs: Sequence[Sequence[Distance]]) -> list[Distance]:
    """The distance of the mean over training runs, for each task that all of them have; its spread over items is none then."""
    if len(runs) == 1:
        return list(runs[0])
    scores = [{one.task: one.ours for one in run} for run in runs]
    return [
        replace(one, ours=sum(run[one.task] for run in scores) / len(runs), stderr=None)
        for one in runs[0]
        if all(one.task in run for run in scores)
    ]


HEADERS = ("task", "few-shot", "published", "ours", "± stderr", "distance")


def _cells(distance: Distance) -> tuple[str, ...]:
    stderr = "–" if distance.stderr is None else f"{distance.stderr:.1f}"
    figures = (f"{distance.reported:.1f}", f"{distance.ours:.1f}", stderr, f"{distance.points:+.1f}")
    return (distance.task, str(distance.num_fewshot), *figures)


def distances_table(distances: Sequence[Distance]) -> Table:
    """For the console."""
    table = Table(title=f"Beside {distances[0].title} as published, in per cent", title_justify="left")
    for header in HEADERS:
        table.add_column(
            header, justify="left" if header == "task" else "right", overflow="fold" if header == "task" else "ellipsis"
        )
    for distance in distances:
        table.add_row(*_cells(distance))
    return table


def distances_markdown(distances: Sequence[Distance]) -> str:
    """For results.md; empty where there is nothing to compare with."""
    if not distances:
        return ""
    lines = [f"\n## Beside {distances[0].title} as published", "", f"| {' | '.join(HEADERS)} |", "|---|--:|--:|--:|--:|--:|"]
    lines += [f"| {' | '.join(_cells(distance))} |" for distance in distances]
    return "\n".join([*lines, "", f"Source: {distances[0].source}.", ""])
