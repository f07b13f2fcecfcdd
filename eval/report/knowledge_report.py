"""Knowledge across languages of one or more models: reads evaluations, writes Markdown and a page, prints the tables."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from eval.analysis.pairing import parse_model_argument
from eval.analysis.parallel_facts import check_same_facts, read_parallel_facts
from eval.report.knowledge_tables import KnowledgeTable, exposure_tables, model_tables
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.console import result_console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.page_templates import render_page

KNOWLEDGE_MARKDOWN, KNOWLEDGE_PAGE = "knowledge.md", "knowledge.html"


def report_knowledge(arguments: Sequence[str], output: Path, task: str = "cities", corpus: Path | None = None) -> None:
    """Compare the models' knowledge in each language with English and write both files to `output`.

    `arguments` are `DIR` or `LABEL=DIR`; `corpus` adds tables by the links of the corpus. Raises `ConfigurationError` if an
    evaluation lacks a language or the models answered different facts.
    """
    facts = {}
    for argument in arguments:
        label, folders = parse_model_argument(argument)
        if len(folders) > 1:
            raise ConfigurationError(f"{label}: a model has one evaluation here; give each training run a label")
        facts[label] = read_parallel_facts(folders[0], task)
    check_same_facts(facts)
    tables = [table for label, found in facts.items() for table in model_tables(label, found)]
    tables += exposure_tables(facts, corpus) if corpus is not None else []
    text = "\n\n".join(["# Knowledge across languages", *map(knowledge_markdown, tables)])
    write_text_atomically(output / KNOWLEDGE_MARKDOWN, f"{text}\n")
    page = render_page("eval.report", "knowledge.html", {}, tables=tables, labels=list(facts), task=task)
    write_text_atomically(output / KNOWLEDGE_PAGE, page)
    console = result_console()
    for table in tables:
        console.print(_console_table(table))
        if table.note:
            console.print(f"  {table.note}\n", highlight=False, markup=False)
    console.print(f"Written to {output}: {KNOWLEDGE_MARKDOWN}, {KNOWLEDGE_PAGE}", highlight=False, soft_wrap=True, markup=False)


def knowledge_markdown(table: KnowledgeTable) -> str:
    """A table as Markdown."""
    lines = [f"## {table.title}", "", f"| {' | '.join(table.headers)} |", f"|---{'|--:' * (len(table.headers) - 1)}|"]
    lines += [f"| {' | '.join(row)} |" for row in table.rows]
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def _console_table(content: KnowledgeTable) -> Table:
    table = Table(title=content.title, title_justify="left", box=box.SIMPLE_HEAD)
    for column, header in enumerate(content.headers):
        table.add_column(header, justify="left" if column == 0 else "right", overflow="fold")
    for row in content.rows:
        table.add_row(*map(escape, row))
    return table
