"""Arrays from the lines of `metrics.jsonl` and `events.jsonl`. Pure.

    >>> lines = [{"step": 1, "loss": 4.0, "skipped": None}, {"step": 2, "loss": float("nan"), "skipped": "the loss is nan"}]
    >>> found = series_of_metrics(lines)
    >>> found.steps.tolist(), found.values["loss"].tolist(), found.skipped
    ([1, 2], [4.0, nan], {2: 'the loss is nan'})

A long run has more steps than a plot has pixels. `join_steps` averages neighbouring steps and keeps their minimum and maximum, so
that a spike of one step stays visible.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

FIGURES = (
    "loss",
    "learning_rate",
    "gradient_norm",
    "tokens_per_second_per_gpu",
    "mfu",
    "data_wait_share",
    "memory_bytes",
    "seconds",
)
COUNTS = ("tokens", "masked", "links_seen", "links_inserted")


@dataclass(frozen=True)
class MetricSeries:
    """The metrics of a run, over its steps; steps are ascending and unique."""

    steps: Int64s
    """[steps], from 1."""
    tokens: Int64s
    """[steps] tokens that were consumed up to each step."""
    values: Mapping[str, Float64s]
    """Name of `FIGURES` -> [steps]; NaN where a line has no finite value."""
    skipped: Mapping[int, str]
    """Step -> the reason why it was skipped."""
    wikis: Mapping[str, Mapping[str, Int64s]]
    """Wiki -> name of `COUNTS` -> [steps]; the wiki with the most tokens first."""

    @property
    def accepted_loss(self) -> Float64s:
        """[steps] the loss, NaN in skipped steps: a skipped spike would flatten the curve of the other steps."""
        return np.where(np.isin(self.steps, list(self.skipped)), np.nan, self.values["loss"])

    @property
    def totals(self) -> dict[str, dict[str, int]]:
        """Wiki -> name of `COUNTS` -> sum over the steps."""
        return {wiki: {name: int(counts.sum()) for name, counts in found.items()} for wiki, found in self.wikis.items()}


def series_of_metrics(metrics: Iterable[Mapping[str, Any]]) -> MetricSeries:
    """The lines of `metrics.jsonl` as arrays. If a step occurs twice, the later line counts.

    Raises:
        KeyError: when a line has no `step`.
    """
    lines = [line for _, line in sorted({line["step"]: line for line in metrics}.items())]
    found = {
        wiki: {name: np.array([line.get("wikis", {}).get(wiki, {}).get(name, 0) for line in lines], np.int64) for name in COUNTS}
        for wiki in sorted({wiki for line in lines for wiki in line.get("wikis", {})})
    }
    return MetricSeries(
        steps=np.array([line["step"] for line in lines], np.int64),
        tokens=np.array([line.get("tokens", 0) for line in lines], np.int64),
        values={name: _finite([line.get(name) for line in lines]) for name in FIGURES},
        skipped={line["step"]: line["skipped"] for line in lines if line.get("skipped") is not None},
        wikis=dict(sorted(found.items(), key=lambda item: -int(item[1]["tokens"].sum()))),
    )


def _finite(values: Sequence[float | None]) -> Float64s:
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


class EventPoints(NamedTuple):
    """Values that were measured at some steps. Shapes [measurements]."""

    steps: Int64s
    values: Float64s


def event_points(events: Iterable[Mapping[str, Any]], kind: str, field: str) -> dict[str, EventPoints]:
    """Name -> its values over steps, from events with a mapping, such as `held_out` with `loss`. The later of two counts.

    >>> lines = [{"step": step, "event": "held_out", "loss": {"jawiki": loss}} for step, loss in ((0, 4.2), (6, 3.1))]
    >>> points = event_points(lines, "held_out", "loss")["jawiki"]
    >>> points.steps.tolist(), points.values.tolist()
    ([0, 6], [4.2, 3.1])
    """
    found: dict[str, dict[int, float]] = {}
    for event in events:
        if event["event"] == kind:
            for name, value in event[field].items():
                found.setdefault(name, {})[event["step"]] = value
    return {
        name: EventPoints(np.array(sorted(values), np.int64), _finite([values[step] for step in sorted(values)]))
        for name, values in sorted(found.items())
    }


class JoinedSteps(NamedTuple):
    """Neighbouring steps joined into groups. Shapes [groups]; NaN for a group without any value."""

    x: Float64s
    """Of the last step of each group."""
    mean: Float64s
    low: Float64s
    high: Float64s


def join_steps(x: npt.NDArray[Any], values: Float64s, at_most: int) -> JoinedSteps:
    """Mean, minimum and maximum of `values` in at most `at_most` groups, whose sizes differ by at most one step.

    >>> join_steps(np.arange(1, 5), np.array([1.0, 3.0, np.nan, 8.0]), 2)
    JoinedSteps(x=array([2., 4.]), mean=array([2., 8.]), low=array([1., 8.]), high=array([3., 8.]))
    """
    parts = [part for part in np.array_split(np.arange(len(values)), max(1, min(at_most, len(values)))) if len(part)]
    seen = [values[part][~np.isnan(values[part])] for part in parts]
    return JoinedSteps(
        np.array([x[part[-1]] for part in parts], np.float64),
        *(np.array([of(part) if len(part) else np.nan for part in seen], np.float64) for of in (np.mean, np.min, np.max)),
    )


def join_ratios(x: npt.NDArray[Any], part: Int64s, whole: Int64s, at_most: int) -> tuple[Float64s, Float64s]:
    """(x, sum of `part` / sum of `whole`) of at most `at_most` groups of steps; NaN where `whole` is 0.

    >>> join_ratios(np.arange(1, 5), np.array([1, 1, 0, 0]), np.array([2, 2, 1, 0]), 4)
    (array([1., 2., 3., 4.]), array([0.5, 0.5, 0. , nan]))
    """
    splits = [split for split in np.array_split(np.arange(len(x)), max(1, min(at_most, len(x)))) if len(split)]
    below = np.array([whole[split].sum() for split in splits], np.float64)
    above = np.array([part[split].sum() for split in splits], np.float64)
    shares = np.divide(above, below, out=np.full(len(splits), np.nan), where=below > 0)
    return np.array([x[split[-1]] for split in splits], np.float64), shares
