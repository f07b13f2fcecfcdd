"""Files are dropped with their captions. The mark ◌ of the cases becomes `DROPPED`."""

import pytest

from spark_jobs.wikitext.page_state import DROPPED, HEADING_OPEN
from spark_jobs.wikitext.passes.wiki_links.file_links import drop_files

from ...page_states import new_page


@pytest.mark.parametrize(
    ("source", "text", "counters"),
    [
        ("[[a|File:b]]", "[[a|File:b]]", {}),
        ("[[:File:a.jpg]]", "[[:File:a.jpg]]", {}),
        ("[[Datei:a.jpg]]", "[[Datei:a.jpg]]", {}),
        # unclosed: up to the end of the line, or of the heading
        ("a [[File:a.jpg|b\nc", "a ◌\nc", {"files": 1, "unclosed_files": 1}),
        (f"[[File:a|[[b]]\n{HEADING_OPEN}c]]", f"◌\n{HEADING_OPEN}c]]", {"files": 1, "unclosed_files": 1}),
        # closed
        ("a[[ file:b c.jpg|thumb]]d", "a◌d", {"files": 1}),
        ("a[[Image:b|c [[d]] e]]f[[File:g]]", "a◌f◌", {"files": 2}),
        ("[[File:a|b [[File:c|d [[e]] f]] g]]h", "◌h", {"files": 2}),
        ("[[File:a|b\n\nc]]d", "◌d", {"files": 1}),
    ],
)
def test_files_are_dropped_and_counted(source: str, text: str, counters: dict[str, int]) -> None:
    page = new_page()
    assert drop_files(source, page) == text.replace("◌", DROPPED)
    assert page.counters == counters


def test_the_words_of_the_wiki_name_a_file() -> None:
    assert drop_files("[[Datei:a.jpg]][[Bild:b]][[File:c]]", new_page("dewiki")) == DROPPED * 3
