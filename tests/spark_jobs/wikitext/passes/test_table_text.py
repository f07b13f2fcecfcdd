"""Tables kept as text, a line per row. The mark ¶ of the cases becomes `BREAK`."""

import pytest

from spark_jobs.wikitext.page_state import BREAK
from spark_jobs.wikitext.passes.table_text import keep_table_text

from ..page_states import new_page


@pytest.mark.parametrize(
    ("source", "text", "tables"),
    [
        ("a {| b |} c", "a {| b |} c", 0),
        ("|}\na", "|}\na", 0),
        ("{|", "¶", 1),
        ("{|\n| a", "¶a\n¶", 1),
        ("a\n{| class=x\n| b || c\n|-\n|-\n| d\n|}\ne", "a\n¶b | c\n¶d\n¶\ne", 1),
        ("{|\n|+ a\n|-\n! b !! c\n|} d", "¶a\n¶b | c\n¶ d", 1),
        ("{|\n| colspan=2 | [[c|d]] || e\n|}", "¶[[c|d]] | e\n¶", 1),
        ("{|\n| [[a|b]]\n|}", "¶[[a|b]]\n¶", 1),
        ("{|\n| a\nb\n| c\n|}", "¶\n a\nb\n¶\n c\n¶", 1),
        ("{|\na\n|}", "¶a\n¶", 1),
    ],
)
def test_a_row_becomes_a_line_or_a_line_for_each_cell(source: str, text: str, tables: int) -> None:
    page = new_page()
    assert keep_table_text(source, page) == text.replace("¶", BREAK)
    assert page.counters.get("tables", 0) == tables


def test_a_table_deeper_than_the_budget_is_text_of_its_cell() -> None:
    assert keep_table_text("{|\n|\n{|\n|}", new_page(depth=1)) == f"{BREAK}{{|\n{BREAK}"
