"""Excerpts of augmented articles: their ends, their named entities, the choice of articles, the direction of text."""

import pytest

from spark_jobs.common.excerpts import Segment, best_excerpts, cut_length, make_excerpt, text_direction


def article(text, *spans, title="t"):
    """`spans`: (start, end, English name or None)."""
    entities = [
        {"start": start, "end": end, "names": [{"language": "en", "name": name}] if name else [{"language": "fr", "name": "x"}]}
        for start, end, name in spans
    ]
    return {"title": title, "text": text, "entities": entities}


@pytest.mark.parametrize(
    ("text", "spans", "limit", "expected"),
    [
        ("short", [], 10, "short"),
        ("One. Two. Three is long.", [], 12, "One. Two."),
        ("一。二。三は長い文である。", [], 6, "一。二。"),
        ("a line\nthe rest of it", [], 10, "a line\n"),
        ("3.14 is not the end here", [], 10, "3.14 is no"),
        ("Early. and then no more ends at all", [], 30, "Early. and then no more ends a"),
        ("no end and an Entity here", [(14, 20, "E")], 16, "no end and an "),
        ("no end and an Entity here", [(14, 20, "E")], 20, "no end and an Entity"),
        ("यह है। और आगे भी है", [], 8, "यह है।"),
    ],
)
def test_an_excerpt_ends_with_a_sentence_or_before_an_entity(text, spans, limit, expected):
    row = article(text, *spans)
    assert text[: cut_length(text, row["entities"], limit)] == expected


def test_only_entities_with_a_name_in_the_pivot_are_tagged():
    row = article("ab cd ef", (0, 2, "AB"), (3, 5, None), (6, 8, "EF"))
    assert make_excerpt(row, "en", 100).paragraphs == ((Segment("ab", "AB"), Segment(" cd "), Segment("ef", "EF")),)


def test_lines_become_paragraphs_and_empty_ones_vanish():
    row = article("one\n\n two\n", (5, 8, None), (0, 3, "ONE"))
    assert make_excerpt(row, "en", 100).paragraphs == ((Segment("one", "ONE"),), (Segment(" two"),))


def test_segments_joined_are_the_text():
    row = article("鴨川は\n京都の川。𠮷野", (0, 2, "Kamo"), (4, 6, "Kyoto"), (9, 11, "Yoshino"))
    excerpt = make_excerpt(row, "en", 100)
    assert "\n".join("".join(segment.text for segment in paragraph) for paragraph in excerpt.paragraphs) == row["text"]
    assert [segment.text for paragraph in excerpt.paragraphs for segment in paragraph if segment.name] == ["鴨川", "京都", "𠮷野"]


def test_the_articles_with_most_names_are_chosen_lists_last_and_ties_by_title():
    rows = [
        article("plain", title="none"),
        article("a bcde", (0, 1, "A"), title="z"),
        article("a bcde", (0, 1, "A"), title="y"),
        article("a of b cdef", (0, 1, "A"), (5, 6, "B"), title="two"),
        article("a | b | c, and a word", (0, 1, "A"), (4, 5, "B"), (8, 9, "C"), title="list"),
        article("x" * 200, (150, 151, "late"), title="far"),
    ]
    assert [excerpt.title for excerpt in best_excerpts(rows, 3, "en", 100)] == ["two", "y", "z"]
    assert best_excerpts(rows, 6, "en", 100)[-1].title == "list"
    assert best_excerpts(rows, 0, "en", 100) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "ltr"),
        ("1999", "ltr"),
        ("鴨川", "ltr"),
        ("القاهرة", "rtl"),
        ("NASA هي وكالة", "rtl"),
        ("שלום", "rtl"),
        ("word ש", "ltr"),
    ],
)
def test_most_letters_decide_the_direction(text, expected):
    assert text_direction(text) == expected
