"""Pages of the sample's tables, found by title and id."""

import pytest

from spark_jobs.reports.page_lookup import find_page
from spark_jobs.wikis import load_profile


@pytest.mark.parametrize("page", ["アルベルト・アインシュタイン", "アインシュタイン", "17", " アルベルト・アインシュタイン "])
def test_a_page_is_found_by_title_redirect_and_id(page_lookups, page) -> None:
    assert find_page(page_lookups["jawiki"], page, load_profile("jawiki"))["page_id"] == 17
