"""Curves of training runs as a page to look at: loss, learning rate, throughput, what each wiki gave, what happened.

    python -m training.run_page build/run
    python -m training.run_page build/none right=build/right left=build/left --output build/strategies.html

Of one run it is written into the run's folder, as run.html; training does the same by itself, at checkpoints and at the end.
Several runs are laid over each other, with what differs in their configurations. The page is one file that needs nothing else.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from spark_jobs.common.command_line import exit_on_configuration_error, new_app
from training.report.run_html import PAGE, write_page
from training.report.run_plots import Over

app = new_app()


@app.command(help=__doc__)
def entry(
    runs: Annotated[list[str], typer.Argument(help="Output folders of training runs: DIR, or LABEL=DIR.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option(help=f"The page to write; of one run it is DIR/{PAGE} unless given.", show_default=False)
    ] = None,
    over: Annotated[Over, typer.Option(help="The x axis; tokens where runs have batches of different sizes.")] = "step",
) -> None:
    """Read, draw, write; a mistake ends in a sentence."""
    with exit_on_configuration_error():
        written = write_page([_named(run) for run in runs], output, over)
    Console().print(f"the page is {written}", highlight=False, soft_wrap=True, markup=False)


def _named(argument: str) -> tuple[Path, str | None]:
    label, equals, folder = argument.partition("=")
    return (Path(folder), label) if equals and not Path(argument).exists() else (Path(argument), None)


if __name__ == "__main__":
    app()
