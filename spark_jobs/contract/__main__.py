"""Print the data contract as a Markdown page.

    python -m spark_jobs.contract > docs/reference/tables.md

The page lists every table and column, the fields of a manifest, and the rules for schema versions.
"""

from spark_jobs.common.command_line import keep_examples, new_app, program_name
from spark_jobs.contract.contract_page import contract_page

app = new_app()


@app.command(help=keep_examples(__doc__ or ""))
def print_contract_page() -> None:
    """Print the page to standard output."""
    print(contract_page(), end="")


if __name__ == "__main__":
    app(prog_name=program_name())
