"""The summary of a build: its main figures by wiki, in the file `_build.json` and in the table at the end of the command."""

import json
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.table import Table as Grid

from spark_jobs.common.atomic_files import write_bytes_atomically
from spark_jobs.common.console import console, print_table
from spark_jobs.common.formatting import format_percent
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import Manifest
from spark_jobs.reports.cards.card_files import README

BUILD_SUMMARY = "_build.json"
_PAGE_COUNTERS = ("pages", "other_namespaces", "articles", "redirects")
_COUNT_COLUMNS = {
    "pages": "pages",
    "other ns": "other_namespaces",
    "articles": "articles",
    "redirects": "redirects",
    "rejects": "rejects",
    "links": "links",
}
"""Heading to figure."""


def summarise_wiki(manifests: Iterable[Manifest], seconds: float, pivots: list[str]) -> dict[str, Any]:
    """The main figures of a wiki, from the manifests of its tables; `seconds` is the duration of its stages."""
    by_table = {manifest.table: manifest for manifest in manifests}
    pages, links = by_table["articles"].counters, by_table["augmented"].counters
    return {
        **{name: pages.get(name, 0) for name in _PAGE_COUNTERS},
        "rejects": by_table["rejects"].rows,
        "links": links.get("links", 0),
        "links_with_name": {pivot: links.get(f"links_with_name.{pivot}", 0) for pivot in pivots},
        "characters": links.get("characters", 0),
        "tokens": by_table["encoded"].counters.get("tokens", 0) if "encoded" in by_table else None,
        "seconds": round(seconds, 1),
    }


def write_build_summary(output: Location, summary: dict[str, Any]) -> None:
    """Write `_build.json`. Wikis that an earlier build wrote to the same folder keep their figures."""
    path = output / BUILD_SUMMARY
    try:
        earlier = json.loads(path.read_bytes())["wikis"] if path.exists() else {}
    except (ValueError, KeyError):  # a damaged file must not fail the build that has just finished
        earlier = {}
    merged = {**summary, "wikis": {**earlier, **summary["wikis"]}}
    write_bytes_atomically(path, json.dumps(merged, ensure_ascii=False, indent=1).encode())


def print_build_summary(summary: dict[str, Any], settings: CorpusSettings) -> None:
    """Print the figures of each wiki as a table, and where the output is."""
    pivots = settings.pivots
    grid = Grid(title="Result of the build", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("wiki", *_COUNT_COLUMNS, *(f"named in {pivot}" for pivot in pivots), "tokens", "seconds"):
        grid.add_column(heading, justify="left" if heading == "wiki" else "right", no_wrap=True)
    for wiki, row in summary["wikis"].items():
        shares = [f"{row['links_with_name'][p]:,} ({format_percent(row['links_with_name'][p], row['links'])}%)" for p in pivots]
        counts = [f"{row[name]:,}" for name in _COUNT_COLUMNS.values()]
        tokens = "" if row["tokens"] is None else f"{row['tokens']:,}"
        grid.add_row(wiki, *counts, *shares, tokens, f"{row['seconds']:.1f}")
    print_table(grid)
    skipped = sum(stage["skipped"] for stage in summary["stages"])
    note = f"; {skipped} of {len(summary['stages'])} stages were up to date" if skipped else ""
    output = settings.output_dir
    console.print(f"tables are in {output}, figures in {output}/{BUILD_SUMMARY} ({summary['seconds']} s{note})")
    if summary["card_failure"] is None:
        console.print(f"the dataset card is {output}/{README}")
    else:
        message = f"the dataset card was not written: {summary['card_failure']}; then run spark_jobs.card"
        console.print(message, style="red", highlight=False, markup=False, soft_wrap=True)
