"""Names in plain text: their position for each strategy, with and without tags."""

import pytest

from spark_jobs.rendering.name_placement import render_article
from spark_jobs.tokens.article_encoder import Entity

TAGS = ("<translate>", "</translate>")
TEXT = "鴨は鳥で、水にいる。"
ENTITIES = [Entity(0, 1, "Duck"), Entity(2, 3, "Bird"), Entity(5, 6, "Water")]


@pytest.mark.parametrize(
    ("strategy", "tags", "expected"),
    [
        ("left", TAGS, "<translate>Duck</translate>鴨は<translate>Bird</translate>鳥で、<translate>Water</translate>水にいる。"),
        ("right", TAGS, "鴨<translate>Duck</translate>は鳥<translate>Bird</translate>で、水<translate>Water</translate>にいる。"),
        ("replace", TAGS, "<translate>Duck</translate>は<translate>Bird</translate>で、<translate>Water</translate>にいる。"),
        ("none", TAGS, TEXT),
        ("right", (" (", ")"), "鴨 (Duck)は鳥 (Bird)で、水 (Water)にいる。"),
        ("right", None, "鴨Duckは鳥Birdで、水Waterにいる。"),
        ("replace", None, "DuckはBirdで、Waterにいる。"),
    ],
)
def test_a_name_is_placed_by_the_strategy(strategy, tags, expected) -> None:
    assert render_article(TEXT, ENTITIES, strategy, tags) == expected


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
def test_text_without_links_is_unchanged_and_links_may_touch_each_other_and_the_ends(strategy) -> None:
    assert render_article(TEXT, [], strategy, TAGS) == TEXT
    assert render_article("", [], strategy, TAGS) == ""
    ends = [Entity(0, 2, "A"), Entity(2, 4, "B")]
    expected = {"left": "<A>ab<B>cd", "right": "ab<A>cd<B>", "replace": "<A><B>", "none": "abcd"}
    assert render_article("abcd", ends, strategy, ("<", ">")) == expected[strategy]


def test_offsets_are_code_points() -> None:
    assert render_article("𝄞 and 👍🏽 go", [Entity(6, 8, "thumb")], "right", ("[", "]")) == "𝄞 and 👍🏽[thumb] go"
