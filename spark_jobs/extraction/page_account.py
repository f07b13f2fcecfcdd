"""The account of a dump's pages: pages = other namespaces + rows + rejects, for each file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from spark_jobs.extraction.extract_job import UnitReport
from spark_jobs.publishing.publication import PublishError

_COUNTERS = (
    *("pages", "other_namespaces", "articles", "redirects", "rejected_pages", "disambiguations"),
    *("links", "characters", "wikitext_characters"),
)


def explain_missing_articles(file: str, account: Mapping[str, Any]) -> str | None:
    """A warning for a file that gives no article although nothing in it is damaged, else None."""
    if account["rows"] or account["rejected_pages"] or account["rejected_streams"]:
        return None
    if account["pages"]:
        return f"{file} gives no article: its {account['pages']:,} pages belong to other namespaces; take a dump of all articles"
    return f"{file} has no pages, so it gives no article; is it a whole dump of articles?"


def sum_page_counts(reports: Sequence[UnitReport]) -> Counter[str]:
    """The counts of all units, in the order of the manifest; those that no unit counted are 0."""
    total = Counter(dict.fromkeys(_COUNTERS, 0))
    for report in reports:
        total.update(report.counters)
    return total


def account_for_file(reports: Sequence[UnitReport], lost: int) -> dict[str, Any]:
    """The page account of one file, and its rejected streams. `lost` pages were named by the index and are added as rejects.

    Raises `PublishError` if the account does not balance: then a page was lost or counted twice.
    """
    counters = sum_page_counts(reports)
    rows = sum(shard.rows for report in reports for shard in report.shards)
    account = {"pages": counters["pages"] + lost, "other_namespaces": counters["other_namespaces"], "rows": rows}
    account["rejected_pages"] = counters["rejected_pages"] + lost
    if account["pages"] != account["other_namespaces"] + account["rows"] + account["rejected_pages"]:
        raise PublishError(
            f"{reports[0].file}: pages = other namespaces + rows + rejects does not hold: {account}; nothing was published"
        )
    # Without an index the pages of a damaged stream are unknown; this count shows that the account lacks them.
    account["rejected_streams"] = sum(row["unit"] == "stream" for report in reports for row in report.rejects)
    return account
