"""The page of training runs as one self-contained HTML file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.formatting import format_seconds
from spark_jobs.common.page_templates import render_page
from training.records.page_updates import RUN_PAGE
from training.report.metric_series import event_points
from training.report.plot_drawing import MOST_LINES, draw_plot
from training.report.run_facts import facts_of_run
from training.report.run_files import RunFiles, read_run_files, setting_differences
from training.report.run_plots import POINTS, XAxis, build_run_plots
from training.report.value_formatting import format_change, format_event, format_median, format_short_count

_NOTABLE_EVENTS = ("skipped", "resumed", "tasks_failed")
"""Events that the page shows unfolded."""


def write_run_page(folder: Path) -> Path:
    """Write the page of one run into the run's folder; returns its path.

    Raises:
        ConfigurationError: when the folder holds no run.
    """
    return write_page([(folder, None)])


def write_page(folders: Sequence[tuple[Path, str | None]], output: Path | None = None, x_axis: XAxis = "step") -> Path:
    """Write the page of runs, each given as its folder and its label; returns the path of the page.

    Raises:
        ConfigurationError: when a folder holds no run, or several runs have no `output` or the same label.
    """
    if output is None and len(folders) > 1:
        raise ConfigurationError(f"a page of {len(folders)} runs belongs to no single folder; give --output FILE.html")
    runs = [read_run_files(folder, label) for folder, label in folders]
    labels = [run.label for run in runs]
    if len(set(labels)) < len(labels):
        raise ConfigurationError(f"two runs have the same label ({', '.join(labels)}); give labels as LABEL=DIR")
    target = output or folders[0][0] / RUN_PAGE
    write_text_atomically(target, render_runs(runs, x_axis))
    return target


def render_runs(runs: Sequence[RunFiles], x_axis: XAxis = "step") -> str:
    """The page as HTML."""
    loss, *others = build_run_plots(runs, x_axis)
    return render_page(
        "training.report",
        "run.html",
        {
            "count": "{:,}".format,
            "event_text": format_event,
            "duration": format_seconds,
            "change": format_change,
            "median": format_median,
            "total": np.nansum,
            "short": format_short_count,
        },
        runs=runs,
        loss=loss,
        loss_wide=draw_plot(loss, "loss-wide", 9.2, 3.6),
        loss_narrow=draw_plot(loss, "loss"),
        plots=[(plot, draw_plot(plot, f"plot-{number}")) for number, plot in enumerate(others)],
        facts=[facts_of_run(run) for run in runs],
        held_out=[event_points(run.events, "held_out", "loss") for run in runs],
        scores=[event_points(run.events, "tasks", "score") for run in runs],
        notable_events=_NOTABLE_EVENTS,
        differences=setting_differences(runs),
        most_lines=MOST_LINES,
        joined=max(-(-len(run.series.steps) // POINTS) for run in runs),
    )
