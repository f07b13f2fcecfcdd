"""Questions about cities: parallel in all languages."""

import json

import pytest

from eval.config import EvalSettings
from eval.facts.city_questions import askable_cities, draw_candidates, draw_cities, language_items
from eval.facts.geonames import City

COUNTRIES = {
    "EG": {"en": "Egypt", "ja": "エジプト"},
    "MX": {"en": "Mexico", "ja": "メキシコ"},
    "JP": {"en": "Japan", "ja": "日本"},
    "FR": {"en": "France", "ja": "フランス"},
}


def city(id_, country, en, ja, population=100_000):
    return City(id_, country, population, {"en": en, "ja": ja})


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


def test_prompts_hold_the_city_in_the_sentence_of_the_task(tmp_path):

    from eval.scoring.lm_eval_tasks import load_tasks
    from eval.scoring.task_requests import request_tasks
    from eval.tasks.task_catalogue import read_catalogue, tasks_folder

    chosen = [city("1", "EG", "Cairo", "カイロ"), city("2", "JP", "Tokyo", "東京"), city("30", "FR", "Lyon", "リヨン")]
    (tmp_path / "cities").mkdir()
    for language in ("en", "ja"):
        rows = language_items(chosen, COUNTRIES, language, 2, 7)
        (tmp_path / "cities" / f"{language}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    catalogue = read_catalogue(tasks_folder())
    settings = EvalSettings(model="m", tasks=["cities"], output_dir="o", data_dir=tmp_path)
    tasks = load_tasks(request_tasks([catalogue["cities_en"], catalogue["cities_ja"]], None), settings)
    asked = {}
    for name, task in tasks.items():
        document = task.eval_docs[0]
        asked[name] = [
            request.args for request in task.construct_requests(document, task.fewshot_context(document, num_fewshot=0))
        ]
    assert {context for context, _ in asked["cities_en"]} == {"The city of Cairo is located in"}
    assert {context for context, _ in asked["cities_ja"]} == {"カイロという都市がある国は"}
    assert " Egypt" in [choice for _, choice in asked["cities_en"]]
    assert "エジプト" in [choice for _, choice in asked["cities_ja"]]
