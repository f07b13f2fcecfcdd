"""Pages of the sample's tables, found by title and id."""

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.reports.page_lookup import find_page
from spark_jobs.wikis import load_profile


@pytest.mark.parametrize("page", ["アルベルト・アインシュタイン", "アインシュタイン", "17", " アルベルト・アインシュタイン "])
def test_a_page_is_found_by_title_redirect_and_id(page_lookups, page) -> None:
    assert find_page(page_lookups["jawiki"], page, load_profile("jawiki"))["page_id"] == 17


@pytest.mark.parametrize("page", ["١٧", "１７", "9" * 30, "-17", "1_7"])
def test_only_a_number_of_ascii_digits_is_a_page_id(page_lookups, page: str) -> None:
    with pytest.raises(ConfigurationError, match="hold no article or redirect of that title or page id"):
        find_page(page_lookups["jawiki"], page, load_profile("jawiki"))
