"""The summary of a demonstration: one self-contained HTML page and a table on the console."""

from rich.console import Console

from eval.config import SummarySettings
from eval.report.summary_inputs import read_summary_inputs
from eval.report.summary_page import render_summary
from eval.report.summary_table import summary_table
from spark_jobs.common.atomic_files import write_text_atomically

MAX_WIDTH = 80
"""Columns of the console table: every terminal has as many."""


def write_summary(settings: SummarySettings) -> None:
    """Read corpus, training run and evaluations, write the page and print the table."""
    console = Console()
    inputs = read_summary_inputs(settings)
    write_text_atomically(settings.output, render_summary(settings, inputs))
    console.print(summary_table(settings, inputs), width=min(console.width, MAX_WIDTH))
