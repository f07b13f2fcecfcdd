"""Does it work? The controlled experiment, from a world's names to a report: `make experiment`.

    python -m benchmarks.transfer.run
    python -m benchmarks.transfer.run --quick
    python -m benchmarks.transfer.run --config conf/experiment/arms.yaml --set seeds='[1, 2, 3]'

A small Llama learns facts in English, is adapted to another language in several ways, and is asked there for facts that it was
told in English alone. Run the same command again after a stop: what is finished is kept.
"""

import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.transfer.experiment_report import read_findings, write_report
from benchmarks.transfer.experiment_settings import BASE, ExperimentSettings
from benchmarks.transfer.parallel_jobs import JobFailedError, run_jobs
from benchmarks.transfer.world_stage import Layout, build_world, jobs_of, tokens
from spark_jobs.common.command_line import SetOption, help_texts, new_app, run_configured
from training.engine.interruption import EXIT_INTERRUPTED

DEFAULT, QUICK = Path("conf/experiment/ja.yaml"), Path("conf/experiment/quick.yaml")

console = Console(soft_wrap=True)


def main(settings: ExperimentSettings) -> int:
    """The whole experiment; 1 when a part of it failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_INTERRUPTED))  # as Ctrl-C does: jobs are ended, not left behind
    layout, began = Layout(settings), time.monotonic()
    try:
        _tell(1, "the world: dumps, vocabulary, questions, and the corpus (spark_jobs.build)")
        build_world(layout, console)
        length = settings.stream.sequence_length
        _tell(2, f"{len(settings.seeds)} bases in English, {tokens(settings.base, length):,} tokens each")
        run_jobs(list(jobs_of(layout, [BASE])), settings.workers, settings.device, console)
        arms = list(settings.arms)
        each = f"{tokens(settings.adapt, length):,} tokens each"
        _tell(3, f"{len(settings.seeds)} x {len(arms)} adapted models, {each}: {', '.join(arms)}")
        run_jobs(list(jobs_of(layout, arms)), settings.workers, settings.device, console)
    except JobFailedError as error:
        Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(f"error: {error}", style="bold red")
        return 1
    _tell(4, "the report (eval.compare)")
    findings = read_findings(layout)
    write_report(layout, findings, shlex.join(["python", "-m", "benchmarks.transfer.run", *sys.argv[1:]]))
    for sentence in findings.sentences:
        console.print(f"  {sentence}", highlight=False, markup=False)
    pages = f"{settings.report}, {settings.report.with_suffix('.svg')}, {settings.output_dir}/compare/compare.html"
    console.print(f"{pages}; {(time.monotonic() - began) / 60:.1f} minutes", highlight=False)
    return 0


def _tell(number: int, what: str) -> None:
    console.print(f"[bold]\\[{number}/4] {what}[/]", highlight=False)


app = new_app()


@app.command(**help_texts(ExperimentSettings, __doc__ or ""))
def entry(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="YAML file with the configuration.")] = DEFAULT,
    set_: SetOption = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"The machinery alone, in minutes: {QUICK}.")] = False,
) -> None:
    """The command line."""
    if quick and config != DEFAULT:
        raise typer.BadParameter(f"is {QUICK}, and --config names {config}; give one of them", param_hint="--quick")
    run_configured(ExperimentSettings, main, QUICK if quick else config, set_ or ())


if __name__ == "__main__":
    app()
