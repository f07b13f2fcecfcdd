"""Compare models item by item.

    python -m eval.compare eval/base eval/ft leia=eval/leia1,eval/leia2 --output build/compare

Compares each model with all that are listed before it: differences with intervals, p values with Holm's correction over tasks,
the minimum detectable difference, and a verdict in words.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from eval.report.comparison_report import COMPARISON_MARKDOWN, COMPARISON_PAGE, compare_models
from spark_jobs.common.command_line import exit_on_configuration_error, keep_examples, new_app, program_name

app = new_app()


@app.command(help=keep_examples(escape(__doc__)))
def entry(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help=escape(
                "Output folders of eval.run, the one to compare with first: DIR, or LABEL=DIR[,DIR...] for training runs."
            ),
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option(help=f"Folder for {COMPARISON_MARKDOWN} and {COMPARISON_PAGE}.")] = Path(
        "build/compare"
    ),
    metric: Annotated[
        str | None, typer.Option(help="The score to compare where a task has it. By default a task's first.")
    ] = None,
    paired_runs: Annotated[
        bool,
        typer.Option(
            "--paired-runs", help="Pair run k of each model: same seed, same base checkpoint. List the runs in the same order."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the permutations and bootstrap samples.")] = 0,
) -> None:
    """Run the command; a `ConfigurationError` ends it with exit code 2."""
    with exit_on_configuration_error():
        compare_models(models, output, metric, paired_runs=paired_runs, seed=seed)


if __name__ == "__main__":
    app(prog_name=program_name())
