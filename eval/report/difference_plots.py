"""The plots of the evaluation's pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.analysis.findings import Contrast
from eval.analysis.significance import PairedDifference
from eval.results.artifacts import Comparison, Step
from spark_jobs.common.svg_plots import ACCENT, LINE, QUIET, STYLE, TEXT, inline_svg


def loss_curve(steps: Sequence[Step]) -> str:
    """Training loss over steps, as inline SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        axes = figure.subplots()
        marker = "o" if len(steps) <= 60 else ""
        axes.plot([step.step for step in steps], [step.loss for step in steps], color=ACCENT, lw=2, marker=marker, ms=3.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("step")
        axes.set_ylabel("loss (nats per token)")
        return inline_svg(figure, "Training loss over steps")


def score_plot(comparisons: Sequence[Comparison], metric: str) -> str:
    """`metric` before and after training with one standard error each way, a row for each task, as inline SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 0.8 + 0.4 * len(comparisons)), layout="constrained")
        axes = figure.subplots()
        rows = range(len(comparisons))
        for label, colour, shift in (("before", QUIET, -0.14), ("after", ACCENT, 0.14)):
            scores = [getattr(comparison, label)[metric] for comparison in comparisons]
            axes.errorbar(
                [100 * score.value for score in scores],
                [row + shift for row in rows],
                xerr=[100 * (score.stderr or 0) for score in scores],
                fmt="o",
                color=colour,
                ms=5,
                lw=1.6,
                label=label,
            )
        chances = [100 * comparison.chance for comparison in comparisons]
        axes.plot(chances, list(rows), "|", color=TEXT, ms=14, mew=1.2, label="chance")
        axes.set_yticks(list(rows), [comparison.task for comparison in comparisons])
        axes.set_ylim(len(comparisons) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{metric} in per cent, ± one standard error")
        axes.grid(visible=False, axis="y")
        handles, labels = axes.get_legend_handles_labels()  # chance comes first there, being a plain line
        axes.legend(
            [*handles[1:], handles[0]], [*labels[1:], labels[0]], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
        )
        return inline_svg(figure, f"{metric} before and after training")


@dataclass(frozen=True)
class Row:
    """One difference to draw, in points."""

    name: str
    found: PairedDifference
    is_shown: bool
    """Drawn filled."""


def delta_plot(contrast: Contrast) -> str:
    """Each task's and benchmark's difference with its 95 % interval, as inline SVG; benchmarks below a gap."""
    groups = [
        [Row(found.name, found.difference, found.is_shown) for found in group] for group in (contrast.tasks, contrast.benchmarks)
    ]
    return difference_plot(groups, f"{contrast.second} minus {contrast.first}")


def difference_plot(groups: Sequence[Sequence[Row]], label: str) -> str:
    """Differences with their 95 % intervals, a row each, as inline SVG; a gap between groups. Pale: what could be detected."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn: list[tuple[float, Row]] = []
    for number, group in enumerate(groups):
        drawn += [(len(drawn) + place + 0.5 * number, row) for place, row in enumerate(group)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 0.9 + 0.3 * (drawn[-1][0] + 1)), layout="constrained")
        axes = figure.subplots()
        for place, row in drawn:
            colour = ACCENT if row.is_shown else QUIET
            axes.barh(place, 2 * row.found.detectable, left=-row.found.detectable, height=0.5, color=LINE)
            axes.plot([row.found.low, row.found.high], [place, place], color=colour, lw=1.8)
            axes.plot(row.found.points, place, "o", ms=6, color=colour, mfc=colour if row.is_shown else "none", mew=1.6)
        axes.axvline(0, color=TEXT, lw=1)
        axes.set_yticks([place for place, _ in drawn], [row.name for _, row in drawn])
        axes.set_ylim(drawn[-1][0] + 0.6, -0.6)
        reach = 1.05 * max(
            1.0, *(abs(value) for _, row in drawn for value in (row.found.low, row.found.high, row.found.detectable))
        )
        axes.set_xlim(-reach, reach)
        axes.set_xlabel(f"{label}, points")
        axes.grid(visible=False, axis="y")
        return inline_svg(figure, label)
