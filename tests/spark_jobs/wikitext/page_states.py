"""The state of a page, for tests of a single pass."""

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Budget
from spark_jobs.wikitext.page_state import PageState


def new_page(wiki: str = "enwiki", **budget: int) -> PageState:
    """The state of a page before its first pass; `budget` overrides limits of `Budget`."""
    return PageState(load_profile(wiki), Budget(**budget))
