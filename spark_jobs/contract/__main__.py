"""Print the data contract as a Markdown page.

python -m spark_jobs.contract > docs/reference/tables.md
"""

import typer

from spark_jobs.common.settings import keep_examples, program_name
from spark_jobs.contract.contract_page import contract_page

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(help=keep_examples(__doc__ or ""))
def entry() -> None:
    """Print the page."""
    print(contract_page(), end="")


if __name__ == "__main__":
    app(prog_name=program_name())
