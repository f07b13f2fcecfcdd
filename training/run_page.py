"""Draw training runs as a page: loss, learning rate, throughput, the share of each wiki, and events.

    python -m training.run_page build/run
    python -m training.run_page build/none right=build/right left=build/left --output build/strategies.html

The page of one run is run.html in the run's folder; training writes the same page at checkpoints and at the end. Several runs are
laid over each other, with the differences of their configurations. The page is one self-contained file.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from spark_jobs.common.command_line import exit_on_configuration_error, keep_examples, new_app
from training.records.page_updates import RUN_PAGE
from training.report.run_html import write_page
from training.report.run_plots import XAxis

app = new_app()


@app.command(help=keep_examples(escape(__doc__)))
def entry(
    runs: Annotated[list[str], typer.Argument(help="Output folders of training runs: DIR, or LABEL=DIR.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option(help=f"The page to write; for one run, DIR/{RUN_PAGE} by default.", show_default=False)
    ] = None,
    over: Annotated[XAxis, typer.Option(help="The x axis; tokens for runs with batches of different sizes.")] = "step",
) -> None:
    """Write the page and print its path."""
    with exit_on_configuration_error():
        written = write_page([labelled_folder(run) for run in runs], output, over)
    Console().print(f"the page is {written}", highlight=False, soft_wrap=True, markup=False)


def labelled_folder(argument: str) -> tuple[Path, str | None]:
    """The folder and the label of an argument: DIR, or LABEL=DIR."""
    label, equals, folder = argument.partition("=")
    return (Path(folder), label) if equals and not Path(argument).exists() else (Path(argument), None)


if __name__ == "__main__":
    app()
