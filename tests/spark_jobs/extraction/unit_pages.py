"""Pages for tests of units, and the account of a unit."""

from spark_jobs.extraction.extract_job import UnitReport

DUMP = "eswiki-20240101-pages-articles-multistream.xml.bz2"
PAGE = "<page><title>{title}</title>{ns}<id>{id}</id><revision><id>2</id><text>{text}</text></revision></page>\n"


def page(number: int, title: str = "T", ns: str = "<ns>0</ns>", text: str = "x") -> str:
    return PAGE.format(id=number, title=title, ns=ns, text=text)


def account(report: UnitReport) -> tuple[int, int, int, int]:
    """Pages, pages of other namespaces, rows and rejected pages; asserts that they balance."""
    counts = report.counters
    assert counts["pages"] == counts["other_namespaces"] + sum(shard.rows for shard in report.shards) + counts["rejected_pages"]
    return counts["pages"], counts["other_namespaces"], sum(shard.rows for shard in report.shards), counts["rejected_pages"]
