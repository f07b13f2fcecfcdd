"""Plots as SVG to stand inside a page: no fonts, scripts or addresses of their own, and in the colours of the page."""

import html
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eval.findings import Contrast
from eval.published import Comparison, Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"#010101": "currentColor", "#020202": "var(--accent)", "#030303": "var(--quiet)", "#040404": "var(--line)"}
"""Stand-ins that matplotlib draws with, and what the page puts in their place: they follow its light and dark dress."""
_TEXT, _ACCENT, _QUIET, _LINE = _COLOURS

_STYLE: Any = {  # keys of matplotlib's rcParams, which it types one by one
    "svg.fonttype": "none",
    "svg.hashsalt": "leia",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": _TEXT,
    "axes.edgecolor": _QUIET,
    "axes.labelcolor": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.labelcolor": _TEXT,
    "ytick.labelcolor": _TEXT,
}


def loss_curve(steps: Sequence[Step]) -> str:
    """Training loss over steps, as inline SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        axes = figure.subplots()
        marker = "o" if len(steps) <= 60 else ""
        axes.plot([step.step for step in steps], [step.loss for step in steps], color=_ACCENT, lw=2, marker=marker, ms=3.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("step")
        axes.set_ylabel("loss (nats per token)")
        return _inline_svg(figure, "Training loss over steps")


def score_plot(comparisons: Sequence[Comparison], metric: str) -> str:
    """`metric` before and after training with one standard error each way, a row for each task, as inline SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 0.8 + 0.4 * len(comparisons)), layout="constrained")
        axes = figure.subplots()
        rows = range(len(comparisons))
        for label, colour, shift in (("before", _QUIET, -0.14), ("after", _ACCENT, 0.14)):
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
        axes.plot(chances, list(rows), "|", color=_TEXT, ms=14, mew=1.2, label="chance")
        axes.set_yticks(list(rows), [comparison.task for comparison in comparisons])
        axes.set_ylim(len(comparisons) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{metric} in per cent, ± one standard error")
        axes.grid(visible=False, axis="y")
        handles, labels = axes.get_legend_handles_labels()  # chance comes first there, being a plain line
        axes.legend(
            [*handles[1:], handles[0]], [*labels[1:], labels[0]], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
        )
        return _inline_svg(figure, f"{metric} before and after training")


def delta_plot(contrast: Contrast) -> str:
    """Each task's and benchmark's difference with its 95 % interval, in points, as inline SVG; benchmarks below a gap."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    findings = [*contrast.tasks, *contrast.benchmarks]
    gap = 0.5 if contrast.benchmarks else 0.0
    rows = [place + (gap if place >= len(contrast.tasks) else 0) for place in range(len(findings))]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 0.9 + 0.3 * (len(findings) + gap)), layout="constrained")
        axes = figure.subplots()
        for row, finding in zip(rows, findings, strict=True):
            found = finding.difference
            colour = _ACCENT if finding.is_shown else _QUIET
            axes.barh(row, 2 * found.detectable, left=-found.detectable, height=0.5, color=_LINE)
            axes.plot([found.low, found.high], [row, row], color=colour, lw=1.8)
            axes.plot(found.points, row, "o", ms=6, color=colour, mfc=colour if finding.is_shown else "none", mew=1.6)
        axes.axvline(0, color=_TEXT, lw=1)
        axes.set_yticks(rows, [finding.name for finding in findings])
        axes.set_ylim(rows[-1] + 0.6, -0.6)
        reach = max(1.0, *(abs(value) for f in findings for value in (f.difference.low, f.difference.high)))
        axes.set_xlim(-1.05 * reach, 1.05 * reach)
        axes.set_xlabel(f"{contrast.second} minus {contrast.first}, points")
        axes.grid(visible=False, axis="y")
        return _inline_svg(figure, f"{contrast.second} minus {contrast.first}")


def _inline_svg(figure: "Figure", label: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # needless inside HTML
    svg = re.sub(r'<svg\b([^>]*?)\swidth="[^"]*"', r"<svg\1", svg, count=1)
    svg = re.sub(r'<svg\b([^>]*?)\sheight="[^"]*"', r"<svg\1", svg, count=1)
    # Two plots on one page must not share ids.
    prefix = re.sub(r"[^a-z0-9]+", "-", label.lower())
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"(url\(#|xlink:href=\"#)", rf"\g<1>{prefix}-", svg)
    for stand_in, colour in _COLOURS.items():
        svg = svg.replace(stand_in, colour)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
