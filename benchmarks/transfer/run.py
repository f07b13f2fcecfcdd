"""Does it work? The controlled experiment, from a world's names to a report: `make experiment`.

    python -m benchmarks.transfer.run --config conf/experiment/ja.yaml
    python -m benchmarks.transfer.run --config conf/experiment/quick.yaml

A small Llama learns facts in English, is adapted to another language in several ways, and is asked there for facts that it was
told in English alone. Run the same command again after a stop: what is finished is kept.
"""

import shlex
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks.transfer.config import BASE, ExperimentSettings
from benchmarks.transfer.jobs import JobFailedError, run_jobs
from benchmarks.transfer.report import read_findings, write_report
from benchmarks.transfer.stages import Layout, build_world, jobs_of, tokens
from spark_jobs.settings import command
from training.interruption import EXIT_INTERRUPTED

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
    minutes = (time.monotonic() - began) / 60
    write_report(layout, findings, shlex.join(["python", "-m", "benchmarks.transfer.run", *sys.argv[1:]]), minutes)
    for sentence in findings.sentences:
        console.print(f"  {sentence}", highlight=False, markup=False)
    console.print(f"{settings.report} and {settings.report.with_suffix('.svg')}; {minutes:.1f} minutes", highlight=False)
    return 0


def _tell(number: int, what: str) -> None:
    console.print(f"[bold]\\[{number}/4] {what}[/]", highlight=False)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    command(ExperimentSettings, main, __doc__ or "")
