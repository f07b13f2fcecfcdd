"""Tables are dropped, and rows outside of tables. The mark ◌ of the cases becomes `DROPPED`."""

import pytest

from spark_jobs.wikitext.page_state import DROPPED
from spark_jobs.wikitext.passes.table_removal import drop_tables

from ..page_states import new_page


@pytest.mark.parametrize(
    ("source", "text", "counters"),
    [
        # not tables
        ("a {| b |} c", "a {| b |} c", {}),
        ("a |} b", "a |} b", {}),
        ("<tables>a</tables>", "<tables>a</tables>", {}),
        (":| a\nb", ":| a\nb", {}),
        # unclosed
        ("a\n{|\n| b\nc", "a\nc", {"unclosed_tables": 1}),
        ("a<table>\nb", "a<table>\nb", {"unclosed_tables": 1}),
        ("{|\n| a\n{|\n| b\n|}\nc", "◌\nc", {"tables": 1, "unclosed_tables": 1}),
        # rows whose table began in a template
        ("a\n|-\n| b\n|}\nc", "a\nc", {}),
        # tables
        ("a\n{|\n| b\n|}\nc", "a\n◌\nc", {"tables": 1}),
        ("a\n ◌:{|\n| b\n|} c", "a\n◌ c", {"tables": 1}),
        ("{|\n|\n{|\n| a\n|}\n|}b", "◌b", {"tables": 1}),
        ("{|\n| {{{1|}}}\n|}", "◌", {"tables": 1}),
        ("a<TABLE><tr><td>b</td></tr></table >c", "a◌c", {"tables": 1}),
    ],
)
def test_tables_are_dropped_and_counted(source: str, text: str, counters: dict[str, int]) -> None:
    page = new_page()
    assert drop_tables(source.replace("◌", DROPPED), page) == text.replace("◌", DROPPED)
    assert page.counters == counters
