"""The output of `spark_jobs.explain`: the links of a page, with their targets, names and reasons. Needs no Spark."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests, wikis_of
from spark_jobs.linking.name_resolution import load_pivots
from spark_jobs.reports.link_explanations import LinkExplanation, explain_links_of_page
from spark_jobs.reports.manifest_figures import pivots_of_tables
from spark_jobs.reports.page_lookup import PageLookup, find_page
from spark_jobs.wikis import load_profile

_NEEDED_TABLES = ("articles", "names", "augmented", "rejects")


def explain_links(settings: CorpusSettings, wiki: str, page: str, link: str | None, console: Console) -> None:
    """Print the links of a page that have no name; with `link`, the links that match it, with a name or without.

    Raises `ConfigurationError` if a table, the page or the link is missing.
    """
    corpus = Location.of(settings.output_dir)
    published = corpus_tables(read_manifests(corpus))
    tables = {table.name: table for table in published if wiki in table.wikis}
    if missing := [name for name in _NEEDED_TABLES if name not in tables]:
        raise ConfigurationError(
            f"the table {missing[0]!r} of {wiki!r} is not in {settings.output_dir}; it holds {', '.join(wikis_of(published))}"
        )
    lookup, profile = PageLookup(corpus, tables, wiki), load_profile(wiki)
    row = find_page(lookup, page, profile)
    accounts = explain_links_of_page(lookup, row, load_pivots(pivots_of_tables([tables["augmented"]])), profile)
    links = len(row["links"])
    console.print(f"[bold]{escape(row['title'])}[/], page {row['page_id']} of {wiki}, {escape(row['url'])}", soft_wrap=True)
    for language in dict.fromkeys(account.language for account in accounts):
        named = sum(account.name is not None for account in accounts if account.language == language)
        console.print(f"{named} of {links} links have a name in {language}")
    shown = find_matching_links(accounts, link) if link is not None else [a for a in accounts if a.name is None]
    if link is not None and not shown:
        raise ConfigurationError(f"{link!r}: no link of {row['title']!r} has it in its text or target")
    if shown:
        console.print(build_explanation_table(shown))


def find_matching_links(accounts: Sequence[LinkExplanation], link: str) -> list[LinkExplanation]:
    """The links whose text or target equals `link`; without any, those that contain it, ignoring case."""
    exact = [account for account in accounts if link in (account.surface, account.target)]
    folded = link.casefold()
    return exact or [
        account for account in accounts if folded in account.surface.casefold() or folded in account.target.casefold()
    ]


def build_explanation_table(accounts: Sequence[LinkExplanation]) -> Table:
    """The links as a table, a row for each link and language."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header, share in (("characters", None), ("text", 2), ("leads to", 3), ("language", None), ("name", 2), ("because", 6)):
        table.add_column(header, ratio=share, overflow="fold", no_wrap=share is None)
    for account in accounts:
        name = "[bold red]none[/]" if account.name is None else f"[green]{escape(account.name)}[/]"
        place = f"{account.start}–{account.end}"
        table.add_row(place, escape(account.surface), escape(account.target), account.language, name, escape(account.because))
    return table
