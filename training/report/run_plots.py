"""The plots of a page: of one run, or of several runs laid over each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from training.report.metric_series import EventPoints, Float64s, event_points, join_ratios, join_steps
from training.report.plot_drawing import MOST_LINES, Line, Plot
from training.report.run_files import RunFiles

XAxis = Literal["step", "tokens"]

POINTS = 400
"""Points of a line at most; more steps are joined, with a band from their minimum to their maximum."""
SHARE_POINTS = 30
"""Points at most of a share, which means little in a single step."""


@dataclass(frozen=True)
class _Curve:
    """A plot of a metric that every step has."""

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
        "Of the whole gradient, before clipping.",
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
        "Of the peak that the GPU's vendor states.",
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
        "The maximum over all ranks so far.",
        from_zero=True,
    ),
)


def x_positions(run: RunFiles, steps: Sequence[int], x_axis: XAxis) -> list[float]:
    """Positions of steps on the x axis; in tokens they follow from the mean tokens of a step, also for step 0."""
    if x_axis == "step":
        return [float(step) for step in steps]
    tokens_in_step = float(run.series.tokens[-1]) / max(run.step, 1)
    return [step * tokens_in_step / 1e6 for step in steps]


def build_run_plots(runs: Sequence[RunFiles], x_axis: XAxis) -> list[Plot]:
    """All plots of a page, the loss first."""
    one = len(runs) == 1
    found = [loss_plot(runs, x_axis)]
    if not one:
        found += held_out_plots(runs, x_axis)
    found += [plot for curve in _CURVES if (plot := _curve_plot(curve, runs, x_axis)).lines]
    if one:
        found += wiki_plots(runs[0], x_axis)
    return found + score_plots(runs, x_axis)


def _x_label(x_axis: XAxis) -> str:
    return "step" if x_axis == "step" else "tokens (millions)"


def _line(run: RunFiles, name: str, values: Float64s, x_axis: XAxis, style: int | None) -> Line:
    x = run.series.steps if x_axis == "step" else run.series.tokens / 1e6
    joined = join_steps(x, values, POINTS)
    return Line(name, joined.x, joined.mean, joined.low, joined.high, style=style)


def _measured_line(run: RunFiles, name: str, points: EventPoints, x_axis: XAxis, style: int) -> Line:
    return Line(name, np.array(x_positions(run, points.steps.tolist(), x_axis)), points.values, is_measured=True, style=style)


def _resumed_positions(runs: Sequence[RunFiles], x_axis: XAxis) -> list[float]:
    """Positions of resumed steps, of one run alone: in a plot of several runs the marks would be ambiguous."""
    steps = [event["step"] for event in runs[0].events if event["event"] == "resumed"]
    return x_positions(runs[0], sorted(set(steps)), x_axis) if len(runs) == 1 else []


def loss_plot(runs: Sequence[RunFiles], x_axis: XAxis) -> Plot:
    """Training loss; of one run also its skipped steps and the loss on held-out articles of the largest wikis."""
    one = len(runs) == 1
    lines = [
        _line(run, "training" if one else run.label, run.series.accepted_loss, x_axis, None if one else number)
        for number, run in enumerate(runs)
    ]
    caption = "Without skipped steps."
    if one:
        run = runs[0]
        found = event_points(run.events, "held_out", "loss")
        drawn = [(style, wiki) for style, wiki in enumerate(run.series.wikis) if wiki in found][:MOST_LINES]
        lines += [_measured_line(run, f"held out, {wiki}", found[wiki], x_axis, style) for style, wiki in drawn]
        if drawn:
            caption = (
                "Held-out articles are plain text, without names; training text has names. Compare each line only with itself, "
                "not with the other."
            )
    skipped = x_positions(runs[0], sorted(runs[0].series.skipped), x_axis) if one else []
    return Plot(
        "Loss",
        "loss (nats per token)",
        _x_label(x_axis),
        lines,
        caption,
        skipped=skipped,
        resumed=_resumed_positions(runs, x_axis),
    )


def _lines_of_runs(runs: Sequence[RunFiles], found: Sequence[EventPoints | None], x_axis: XAxis) -> list[Line]:
    return [
        _measured_line(run, run.label, points, x_axis, style)
        for style, (run, points) in enumerate(zip(runs, found, strict=True))
        if points is not None
    ]


def held_out_plots(runs: Sequence[RunFiles], x_axis: XAxis) -> list[Plot]:
    """The loss on held-out articles: a plot for each of the largest wikis, with a line for each run."""
    found = [event_points(run.events, "held_out", "loss") for run in runs]
    wikis = [wiki for run in runs for wiki in run.series.wikis if any(wiki in losses for losses in found)]
    return [
        Plot(
            f"Held-out loss, {wiki}",
            "loss (nats per token)",
            _x_label(x_axis),
            _lines_of_runs(runs, [losses.get(wiki) for losses in found], x_axis),
            "On articles that are not trained on, as plain text: the same text for every insertion strategy.",
        )
        for wiki in list(dict.fromkeys(wikis))[:MOST_LINES]
    ]


def _curve_plot(curve: _Curve, runs: Sequence[RunFiles], x_axis: XAxis) -> Plot:
    lines = [
        _line(run, run.label, values, x_axis, None if len(runs) == 1 else style)
        for style, run in enumerate(runs)
        for values in [curve.values(run)]
        if not np.all(np.isnan(values))
    ]
    plot = Plot(
        curve.title,
        curve.unit,
        _x_label(x_axis),
        lines,
        curve.caption,
        is_log=curve.is_log,
        from_zero=curve.from_zero,
    )
    clipped = runs[0].setting("optimizer.max_gradient_norm") if len(runs) == 1 and curve.title == "Gradient norm" else None
    return replace(plot, level=(f"clipped to {clipped:g}", float(clipped))) if clipped else plot


def wiki_plots(run: RunFiles, x_axis: XAxis) -> list[Plot]:
    """Shares of the largest wikis: of the tokens, of links with an inserted name, of tokens without loss."""
    found = run.series
    x = found.steps if x_axis == "step" else found.tokens / 1e6
    all_tokens = sum((counts["tokens"] for counts in found.wikis.values()), np.zeros(len(found.steps), np.int64))

    def lines(part: str, whole: str | None) -> list[Line]:
        return [
            Line(wiki, at, 100 * shares, style=style)
            for style, (wiki, counts) in enumerate(list(found.wikis.items())[:MOST_LINES])
            for at, shares in [join_ratios(x, counts[part], all_tokens if whole is None else counts[whole], SHARE_POINTS)]
        ]

    if not found.wikis:
        return []
    probability = run.setting("insertion.probability")
    of_links = "Links with an inserted name, of all links seen."
    planned = None if probability is None else ("insertion.probability", 100.0 * probability)
    return [
        Plot(
            "Tokens of each wiki",
            "share of tokens (%)",
            _x_label(x_axis),
            lines("tokens", None),
            "Of all tokens of a step.",
            from_zero=True,
        ),
        Plot(
            "Names inserted",
            "share of links (%)",
            _x_label(x_axis),
            lines("links_inserted", "links_seen"),
            of_links,
            from_zero=True,
            level=planned if run.setting("insertion.strategy") != "none" else None,
        ),
        Plot(
            "Tokens that the loss skips",
            "share of tokens (%)",
            _x_label(x_axis),
            lines("masked", "tokens"),
            "Tags; names, if they are not predicted; the first token of an article, if articles are masked from each other.",
            from_zero=True,
        ),
    ]


def score_plots(runs: Sequence[RunFiles], x_axis: XAxis) -> list[Plot]:
    """Scores of tasks: for one run a plot for each metric, for several runs a plot for each metric of each task."""
    found = [event_points(run.events, "tasks", "score") for run in runs]
    names = sorted({name for scores in found for name in scores})
    if len(runs) == 1:
        groups: dict[str, list[Line]] = {}
        for name in names:
            task, _, metric = name.rpartition("/")
            lines = groups.setdefault(metric, [])
            lines.append(_measured_line(runs[0], task or name, found[0][name], x_axis, len(lines)))
        return [Plot(f"Tasks: {metric}", metric, _x_label(x_axis), lines[:MOST_LINES]) for metric, lines in groups.items()]
    return [
        Plot(
            f"Tasks: {name}",
            name.rpartition("/")[2],
            _x_label(x_axis),
            _lines_of_runs(runs, [scores.get(name) for scores in found], x_axis),
        )
        for name in names[:MOST_LINES]
    ]
