"""The page of training runs as HTML, and when a run that trains draws its own."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.formatting import format_seconds
from spark_jobs.common.page_templates import render_page
from training.report.metric_series import Float64s, measured
from training.report.plot_drawing import MOST_LINES, draw_plot
from training.report.run_files import RunFiles, read_run_files, setting_differences
from training.report.run_plots import POINTS, Over, plots_of_runs

PAGE = "run.html"
SHARE = 0.05
"""Of a run's time that drawing may take: a run with frequent checkpoints draws at some of them."""
FIRST = 5.0
"""Seconds that the first drawing is taken for."""
_STANDS_OUT = ("skipped", "resumed", "tasks_failed")


def write_page(folders: Sequence[tuple[Path, str | None]], output: Path | None = None, over: Over = "step") -> Path:
    """Write the page of runs, each a folder and what to call it; returns its place.

    Raises:
        ConfigurationError: when a folder holds no run, or several runs have no `output` or the same label.
    """
    if output is None and len(folders) > 1:
        raise ConfigurationError(f"{len(folders)} runs on one page belong to no single folder; say --output FILE.html")
    runs = [read_run_files(folder, label) for folder, label in folders]
    labels = [run.label for run in runs]
    if len(set(labels)) < len(labels):
        raise ConfigurationError(f"two runs are called the same ({', '.join(labels)}); name them as LABEL=DIR")
    target = output or folders[0][0] / PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(target, run_page(runs, over))
    return target


def run_page(runs: Sequence[RunFiles], over: Over = "step") -> str:
    """The page as HTML."""
    loss, *others = plots_of_runs(runs, over)
    return render_page(
        "training.report",
        "run.html",
        {
            "count": "{:,}".format,
            "words": in_words,
            "duration": format_seconds,
            "course": course,
            "median": median,
            "total": np.nansum,
            "short": short,
        },
        runs=runs,
        loss=loss,
        loss_wide=draw_plot(loss, "loss-wide", 9.2, 3.6),
        loss_narrow=draw_plot(loss, "loss"),
        plots=[(plot, draw_plot(plot, f"plot-{number}")) for number, plot in enumerate(others)],
        facts=[facts(run) for run in runs],
        held_out=[measured(run.events, "held_out", "loss") for run in runs],
        scores=[measured(run.events, "tasks", "score") for run in runs],
        stands_out=_STANDS_OUT,
        differences=setting_differences(list(runs)),
        most_lines=MOST_LINES,
        joined=max(-(-len(run.series.steps) // POINTS) for run in runs),
    )


def facts(run: RunFiles) -> list[tuple[str, str]]:
    """What the run is, as terms and what there is to say; what is not known is left out."""
    found, setting = run.facts, run.setting
    parameters = found.get("parameters")
    tokenizer = (found.get("tokenizer") or {}).get("name") or setting("data.tokenizer")
    length, batch = setting("stream.sequence_length"), setting("global_batch_size")
    lora = setting("model.lora")
    told = {
        "model": _join(
            setting("model.path"), parameters and f"{parameters:,} parameters", lora and f"LoRA of rank {lora.get('rank')}"
        ),
        "corpus": _join(
            setting("data.corpus"),
            tokenizer and f"tokenizer {tokenizer}",
            setting("data.pivot") and f"names in {setting('data.pivot')}",
        ),
        "wikis": ", ".join(run.series.wikis),
        "corpus fingerprint": found.get("data_fingerprint"),
        "stream fingerprint": found.get("stream_fingerprint"),
        f"stream hash after step {run.step}": run.stream_hash,
        "insertion": insertion(run),
        "batch": length and batch and f"{batch:,} sequences of {length:,} tokens",
        "ZeRO stage": found.get("zero_stage"),
        "ranks": _join(found.get("ranks"), found.get("device")),
        "precision": found.get("precision"),
        "started": found.get("started"),
        "versions": ", ".join(f"{name} {version}" for name, version in found.get("versions", {}).items()),
    }
    return [(term, str(value)) for term, value in told.items() if value not in (None, "", False)]


def _join(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts if part not in (None, "", False))


def insertion(run: RunFiles) -> str:
    """The settings of insertion in words."""
    strategy = run.setting("insertion.strategy")
    if strategy is None or strategy == "none":
        return "" if strategy is None else "none: no names are inserted"
    tags = "in tags" if run.setting("insertion.tags") else "without tags"
    predicted = "predicted" if run.setting("insertion.predict_names") else "not predicted"
    return f"{strategy}, probability {run.setting('insertion.probability'):g}, {tags}, names are {predicted}"


def in_words(event: dict[str, Any]) -> str:
    """What an event says beside its step and kind.

    >>> in_words({"step": 7, "event": "skipped", "reason": "the loss is nan", "sequences": ["48-49"]})
    'the loss is nan; sequences 48-49'
    """
    parts = []
    for name, value in event.items():
        if name in ("step", "event"):
            continue
        if isinstance(value, dict):
            parts.append(f"{name.replace('_', ' ')} " + ", ".join(f"{key} {number:.4g}" for key, number in value.items()))
        elif isinstance(value, list):
            parts.append(f"{name} {', '.join(map(str, value))}")
        else:
            said = f"{value:.3g}" if isinstance(value, float) else f"{value}"
            parts.append(said if name == "reason" else f"{name.replace('_', ' ')} {said}")
    return "; ".join(parts)


def short(count: int) -> str:
    """A count in as much room as a card has.

    >>> short(30720), short(1234567), short(80_000_000_000)
    ('30,720', '1.23 M', '80 B')
    """
    for power, letter in ((10**9, "B"), (10**6, "M")):
        if count >= power:
            return f"{count / power:,.3g} {letter}" if count < 1000 * power else f"{count / power:,.0f} {letter}"
    return f"{count:,}"


def course(values: Float64s, digits: int = 3) -> str:
    """The first and the last that is known.

    >>> course(np.array([np.nan, 4.0, 2.5])), course(np.array([4.0])), course(np.array([np.nan]))
    ('4.000 → 2.500', '4.000', '–')
    """
    known = [f"{value:.{digits}f}" for value in values[~np.isnan(values)]]
    return "–" if not known else known[0] if len(known) == 1 else f"{known[0]} → {known[-1]}"


def median(values: Float64s) -> str:
    """The median of those that are known, as a whole number."""
    known = values[~np.isnan(values)]
    return f"{np.median(known):,.0f}" if len(known) else "–"


class Drawing:
    """The page of a run that trains. Every rank has one; only the one made with `write=True` (rank 0) draws.

    A page that cannot be drawn is a warning, whatever the reason: the run is worth more.
    """

    def __init__(self, folder: Path, console: Console, write: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._console, self._write, self._clock = folder, console, write, clock
        self._ended, self._cost = clock(), FIRST

    def draw(self) -> None:
        """Write the page now."""
        if not self._write:
            return
        began = self._clock()
        try:
            write_page([(self._folder, None)])
        except Exception as error:
            self._console.print(f"warning: {self._folder / PAGE} could not be drawn: {error!r}; training goes on", style="yellow")
        self._ended = self._clock()
        self._cost = self._ended - began

    def draw_if_due(self) -> None:
        """Write the page, unless drawing it as often as that would take more than `SHARE` of the time."""
        if self._cost <= SHARE * (self._clock() - self._ended):
            self.draw()
