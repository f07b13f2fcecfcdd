"""Does LEIA work? A controlled experiment, from the names of a world to a report: `make experiment`.

    python -m benchmarks.transfer.run
    python -m benchmarks.transfer.run --quick
    python -m benchmarks.transfer.run --config conf/experiment/arms.yaml --set seeds='[1, 2, 3]'

A small Llama learns facts in English, is adapted to another language in several ways, and is asked in that language for facts
that only the English text states. After a stop, run the same command again: finished parts are kept.
"""

import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.transfer.experiment_folders import Layout
from benchmarks.transfer.experiment_report import read_experiment_results, write_report
from benchmarks.transfer.experiment_settings import BASE, ExperimentSettings
from benchmarks.transfer.model_stage import count_tokens, plan_jobs
from benchmarks.transfer.parallel_jobs import JobFailedError, run_jobs
from benchmarks.transfer.world_stage import build_world
from spark_jobs.common.command_line import SetOption, help_texts, new_app, run_configured
from training.engine.interruption import EXIT_INTERRUPTED

DEFAULT, QUICK = Path("conf/experiment/ja.yaml"), Path("conf/experiment/quick.yaml")

console = Console(soft_wrap=True)


def main(settings: ExperimentSettings) -> int:
    """Runs the whole experiment. Returns the exit code: 0, or 1 if a part failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_INTERRUPTED))  # like Ctrl-C: running jobs are ended
    layout, began = Layout(settings), time.monotonic()
    try:
        _print_stage(1, "the world: dumps, vocabulary, questions, and the corpus (spark_jobs.build)")
        build_world(layout, console)
        length = settings.stream.sequence_length
        _print_stage(2, f"{len(settings.seeds)} bases in English, {count_tokens(settings.base, length):,} tokens each")
        run_jobs(list(plan_jobs(layout, [BASE])), settings.workers, settings.device, console)
        arms = list(settings.arms)
        each = f"{count_tokens(settings.adapt, length):,} tokens each"
        _print_stage(3, f"{len(settings.seeds)} x {len(arms)} adapted models, {each}: {', '.join(arms)}")
        run_jobs(list(plan_jobs(layout, arms)), settings.workers, settings.device, console)
    except JobFailedError as error:
        Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(f"error: {error}", style="bold red")
        return 1
    _print_stage(4, "the report (eval.compare)")
    results = read_experiment_results(layout)
    write_report(layout, results, shlex.join(["python", "-m", "benchmarks.transfer.run", *sys.argv[1:]]))
    for sentence in results.sentences:
        console.print(f"  {sentence}", highlight=False, markup=False)
    pages = f"{settings.report}, {settings.report.with_suffix('.svg')}, {settings.output_dir}/compare/compare.html"
    console.print(f"{pages}; {(time.monotonic() - began) / 60:.1f} minutes", highlight=False)
    return 0


def _print_stage(number: int, title: str) -> None:
    console.print(f"[bold]\\[{number}/4] {title}[/]", highlight=False)


app = new_app()


@app.command(**help_texts(ExperimentSettings, __doc__ or ""))
def entry(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="YAML file with the configuration.")] = DEFAULT,
    set_: SetOption = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"Run a small version in minutes: {QUICK}.")] = False,
) -> None:
    """Parses the command line and runs the experiment."""
    if quick and config != DEFAULT:
        raise typer.BadParameter(f"uses {QUICK}, so --config {config} cannot be given too", param_hint="--quick")
    run_configured(ExperimentSettings, main, QUICK if quick else config, set_ or ())


if __name__ == "__main__":
    app()
