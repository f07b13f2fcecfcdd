"""Questions about cities: parallel in all languages."""

import pytest

from eval.facts.city_questions import askable_cities, draw_candidates, draw_cities, language_items

from ..named_cities import COUNTRIES, city


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        (city("9", "EG", "Giza", ""), "a language has no name"),
        (city("9", "MX", "Mexico City", "首都"), "the name contains the country"),
        (city("9", "JP", "Nihonmatsu", "日本松市"), "the name contains the country in one language"),
        (city("9", "XX", "Nowhere", "どこか"), "the country has no name"),
        (city("9", "FR", "CAIRO", "別"), "another country's city has the name too"),
    ],
)
def test_a_city_that_cannot_be_asked_about_is_left_out(left_out, why):
    cairo, tokyo = city("1", "EG", "Cairo", "カイロ"), city("2", "JP", "Tokyo", "東京")
    found = askable_cities([left_out, tokyo, cairo], COUNTRIES, ["en", "ja"])
    assert [kept.id for kept in found] == (["2"] if left_out.names["en"] == "CAIRO" else ["1", "2"]), why


def test_items_are_parallel_and_drawn_by_id_and_seed():
    chosen = [city("1", "EG", "Cairo", "カイロ"), city("2", "JP", "Tokyo", "東京"), city("30", "FR", "Lyon", "リヨン")]
    english, japanese = (language_items(chosen, COUNTRIES, language, 3, 7) for language in ("en", "ja"))
    for one, other in zip(english, japanese, strict=True):
        assert (one["id"], one["gold"], one["attributes"]["country"]) == (
            other["id"],
            other["gold"],
            other["attributes"]["country"],
        )
        codes = [next(code for code, names in COUNTRIES.items() if names["en"] == name) for name in one["choices"]]
        assert [COUNTRIES[code]["ja"] for code in codes] == other["choices"]
        assert codes[one["gold"]] == one["attributes"]["country"]
    assert (
        draw_candidates(chosen[0], ["EG", "FR", "JP"], 3, 7)
        != []
        == [c for c in draw_candidates(chosen[0], ["EG", "FR", "JP"], 3, 7) if c == "MX"]
    )
    many = [city(str(number), "EG", f"a{number}", f"あ{number}") for number in range(50)]
    assert {kept.id for kept in draw_cities(many, 10, 1)} <= {kept.id for kept in draw_cities(many, 20, 1)}
    assert draw_cities(many, 10, 1) != draw_cities(many, 10, 2)
