"""Which plots a page of training runs has: of one run, or of several laid over each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from training.report.metric_series import Buckets, Float64s, Points, buckets, measured, ratio
from training.report.plot_drawing import MOST_LINES, Line, Plot
from training.report.run_files import RunFiles

Over = Literal["step", "tokens"]

POINTS = 400
"""Most points of a line; neighbours are joined beyond that, with a band from the least to the greatest of them."""
SHARE_POINTS = 30
"""The same for shares, which mean little in a single step."""


@dataclass(frozen=True)
class _Curve:
    """A figure that every step has."""

    title: str
    unit: str
    values: Callable[[RunFiles], Float64s]
    caption: str
    is_log: bool = False
    from_zero: bool = False


_CURVES = (
    _Curve("Learning rate", "learning rate", lambda run: run.series.values["learning_rate"], "As scheduled.", from_zero=True),
    _Curve(
        "Gradient norm",
        "norm (log scale)",
        lambda run: run.series.values["gradient_norm"],
        "Of the whole gradient, before it is clipped.",
        is_log=True,
    ),
    _Curve(
        "Throughput",
        "tokens/s per GPU",
        lambda run: run.series.values["tokens_per_second_per_gpu"],
        "Tokens of a step by its seconds and the number of ranks.",
        from_zero=True,
    ),
    _Curve(
        "Model FLOPs utilisation",
        "MFU (%)",
        lambda run: 100 * run.series.values["mfu"],
        "Of the peak that the GPU's maker states.",
        from_zero=True,
    ),
    _Curve(
        "Waiting for data",
        "share of a step's time (%)",
        lambda run: 100 * run.series.values["data_wait_share"],
        "The rank that waits longest.",
        from_zero=True,
    ),
    _Curve(
        "Memory",
        "peak memory of a rank (GiB)",
        lambda run: run.series.values["memory_bytes"] / 2**30,
        "The most that any rank has held so far.",
        from_zero=True,
    ),
)


def places(run: RunFiles, steps: Sequence[int], over: Over) -> list[float]:
    """Where steps lie on the x axis; those that are not in the metrics (0, before the first) by the tokens of a step."""
    if over == "step":
        return [float(step) for step in steps]
    each = float(run.series.tokens[-1]) / max(run.step, 1)
    return [step * each / 1e6 for step in steps]


def plots_of_runs(runs: Sequence[RunFiles], over: Over) -> list[Plot]:
    """All plots of a page: of one run, or of several laid over each other."""
    one = len(runs) == 1
    found = [loss_plot(runs, over)]
    if not one:
        found += held_out_plots(runs, over)
    found += [plot for curve in _CURVES if (plot := _curve_plot(curve, runs, over)).lines]
    if one:
        found += wiki_plots(runs[0], over)
    return found + score_plots(runs, over)


def _x(over: Over) -> str:
    return "step" if over == "step" else "tokens (millions)"


def _line(run: RunFiles, name: str, values: Float64s, over: Over, style: int | None) -> Line:
    x = run.series.steps if over == "step" else run.series.tokens / 1e6
    joined: Buckets = buckets(x, values, POINTS)
    return Line(name, joined.x, joined.mean, joined.low, joined.high, style=style)


def _measured(run: RunFiles, name: str, points: Points, over: Over, style: int) -> Line:
    return Line(name, np.array(places(run, points.steps.tolist(), over)), points.values, is_measured=True, style=style)


def _resumed(runs: Sequence[RunFiles], over: Over) -> list[float]:
    """Of one run: in a plot of several nobody could tell whose they are."""
    steps = [event["step"] for event in runs[0].events if event["event"] == "resumed"]
    return places(runs[0], sorted(set(steps)), over) if len(runs) == 1 else []


def loss_plot(runs: Sequence[RunFiles], over: Over) -> Plot:
    """Training loss; of one run also its skipped steps and the loss on held-out articles of the largest wikis."""
    one = len(runs) == 1
    lines = [
        _line(run, "training" if one else run.label, run.series.accepted_loss, over, None if one else number)
        for number, run in enumerate(runs)
    ]
    caption = "Of the steps that were made."
    if one:
        run = runs[0]
        found = measured(run.events, "held_out", "loss")
        drawn = [(style, wiki) for style, wiki in enumerate(run.series.wikis) if wiki in found][:MOST_LINES]
        lines += [_measured(run, f"held out, {wiki}", found[wiki], over, style) for style, wiki in drawn]
        if drawn:
            caption = (
                "Held-out articles are plain text, without names; training text has them, so the two are not to be compared with "
                "each other, only each with itself."
            )
    skipped = places(runs[0], sorted(runs[0].series.skipped), over) if one else []
    return Plot("Loss", "loss (nats per token)", _x(over), lines, caption, skipped=skipped, resumed=_resumed(runs, over))


def _of_runs(runs: Sequence[RunFiles], found: Sequence[Points | None], over: Over) -> list[Line]:
    return [
        _measured(run, run.label, points, over, style)
        for style, (run, points) in enumerate(zip(runs, found, strict=True))
        if points is not None
    ]


def held_out_plots(runs: Sequence[RunFiles], over: Over) -> list[Plot]:
    """The loss on held-out articles, a plot for each of the largest wikis with a line for each run."""
    found = [measured(run.events, "held_out", "loss") for run in runs]
    wikis = [wiki for run in runs for wiki in run.series.wikis if any(wiki in losses for losses in found)]
    return [
        Plot(
            f"Held-out loss, {wiki}",
            "loss (nats per token)",
            _x(over),
            _of_runs(runs, [losses.get(wiki) for losses in found], over),
            "On articles that are not trained on, as plain text: the same for every strategy of insertion.",
        )
        for wiki in list(dict.fromkeys(wikis))[:MOST_LINES]
    ]


def _curve_plot(curve: _Curve, runs: Sequence[RunFiles], over: Over) -> Plot:
    lines = [
        _line(run, run.label, values, over, None if len(runs) == 1 else style)
        for style, run in enumerate(runs)
        for values in [curve.values(run)]
        if not np.all(np.isnan(values))
    ]
    plot = Plot(
        curve.title,
        curve.unit,
        _x(over),
        lines,
        curve.caption,
        is_log=curve.is_log,
        from_zero=curve.from_zero,
    )
    clipped = runs[0].setting("optimizer.max_gradient_norm") if len(runs) == 1 and curve.title == "Gradient norm" else None
    return replace(plot, level=(f"clipped to {clipped:g}", float(clipped))) if clipped else plot


def wiki_plots(run: RunFiles, over: Over) -> list[Plot]:
    """Of the largest wikis: their share of the tokens, and how many of their links get a name."""
    found = run.series
    x = found.steps if over == "step" else found.tokens / 1e6
    everything = sum((counts["tokens"] for counts in found.wikis.values()), np.zeros(len(found.steps), np.int64))

    def lines(part: str, whole: str | None) -> list[Line]:
        return [
            Line(wiki, at, 100 * shares, style=style)
            for style, (wiki, counts) in enumerate(list(found.wikis.items())[:MOST_LINES])
            for at, shares in [ratio(x, counts[part], everything if whole is None else counts[whole], SHARE_POINTS)]
        ]

    if not found.wikis:
        return []
    probability = run.setting("insertion.probability")
    of_links = "Links whose name stands in the text, of all links seen."
    planned = None if probability is None else ("insertion.probability", 100.0 * probability)
    return [
        Plot(
            "Tokens of each wiki",
            "share of tokens (%)",
            _x(over),
            lines("tokens", None),
            "Of all tokens of a step.",
            from_zero=True,
        ),
        Plot(
            "Names inserted",
            "share of links (%)",
            _x(over),
            lines("links_inserted", "links_seen"),
            of_links,
            from_zero=True,
            level=planned if run.setting("insertion.strategy") != "none" else None,
        ),
        Plot(
            "Tokens that the loss skips",
            "share of tokens (%)",
            _x(over),
            lines("masked", "tokens"),
            "Tags; names, if they are not predicted; the first token of an article, if articles do not see each other.",
            from_zero=True,
        ),
    ]


def score_plots(runs: Sequence[RunFiles], over: Over) -> list[Plot]:
    """Scores of tasks: of one run a plot for each metric, of several a plot for each task's metric."""
    found = [measured(run.events, "tasks", "score") for run in runs]
    names = sorted({name for scores in found for name in scores})
    if len(runs) == 1:
        groups: dict[str, list[Line]] = {}
        for name in names:
            task, _, metric = name.rpartition("/")
            lines = groups.setdefault(metric, [])
            lines.append(_measured(runs[0], task or name, found[0][name], over, len(lines)))
        return [Plot(f"Tasks: {metric}", metric, _x(over), lines[:MOST_LINES]) for metric, lines in groups.items()]
    return [
        Plot(
            f"Tasks: {name}",
            name.rpartition("/")[2],
            _x(over),
            _of_runs(runs, [scores.get(name) for scores in found], over),
        )
        for name in names[:MOST_LINES]
    ]
