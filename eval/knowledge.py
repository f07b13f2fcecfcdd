"""Compare a model's knowledge of the same facts across languages.

    python -m eval.knowledge build/eval/base leia=build/eval/leia --corpus build/corpus

Reads evaluations of tasks that ask the same facts in many languages (`cities_<language>`). Reports for each model: accuracy
compared with English, fact by fact; RankC, how alike candidates are ranked; and transfer, the share of facts known in English
that are known in the language. Then accuracy by population and by whether the corpus linked the entity with a name to insert.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from eval.report.knowledge_report import KNOWLEDGE_MARKDOWN, KNOWLEDGE_PAGE, report_knowledge
from spark_jobs.common.command_line import exit_on_configuration_error, keep_examples, new_app, program_name

app = new_app()


@app.command(help=keep_examples(escape(__doc__)))
def entry(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="Output folders of eval.run: DIR or LABEL=DIR.", show_default=False),
    ],
    output: Annotated[Path, typer.Option(help=f"Folder for {KNOWLEDGE_MARKDOWN} and {KNOWLEDGE_PAGE}.")] = Path(
        "build/knowledge"
    ),
    task: Annotated[str, typer.Option(help="The tasks' common name: `cities` of cities_en, cities_ja.")] = "cities",
    corpus: Annotated[
        Path | None, typer.Option(help="Corpus of the training, for accuracy by the corpus's links to the entity.")
    ] = None,
) -> None:
    """Run the command; a `ConfigurationError` ends it with exit code 2."""
    with exit_on_configuration_error():
        report_knowledge(models, output, task, corpus)


if __name__ == "__main__":
    app(prog_name=program_name())
