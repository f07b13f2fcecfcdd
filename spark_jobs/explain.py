"""Explain why the links of a page have no name: every link, its target, and its name or the reason why there is none.

    python -m spark_jobs.explain --config conf/corpus/demo.yaml jawiki 水星
    python -m spark_jobs.explain --config conf/corpus/demo.yaml jawiki 水星 海

Reads a few rows of the published tables, without Spark or a dump. The first command lists the links of the page that have no
name; the second lists the links with 海 in their text or target, with a name or without.
"""

from typing import Annotated

import typer
from rich.markup import escape

from spark_jobs.common.command_line import ConfigOption, SetOption, exit_on_configuration_error, keep_examples, new_app
from spark_jobs.common.console import result_console
from spark_jobs.common.settings import load_settings
from spark_jobs.config import CorpusSettings
from spark_jobs.reports.explanation_table import explain_links

app = new_app()


@app.command(help=keep_examples(escape(__doc__)))
def entry(
    wiki: Annotated[str, typer.Argument(metavar="WIKI", help="Wiki id, such as jawiki.")],
    page: Annotated[str, typer.Argument(metavar="PAGE", help="Title of an article or of a redirect to it, or a page id.")],
    config: ConfigOption,
    link: Annotated[
        str | None, typer.Argument(metavar="LINK", help="Show the links with this text or target, in whole or in part.")
    ] = None,
    set_: SetOption = None,
) -> None:
    """Parse the options and print the links."""
    console = result_console()
    with exit_on_configuration_error():
        explain_links(load_settings(CorpusSettings, config, set_ or ()), wiki, page, link, console)


if __name__ == "__main__":
    app()
