"""Facts about cities as documents and prompts."""

import json

import pytest

from eval.config import EvalSettings
from eval.facts.city_questions import language_items
from eval.tasks.cities.city_documents import load_documents

from ...named_cities import COUNTRIES, city

FILES = {"test": {"local": "{language}.jsonl"}}


def test_without_local_files_the_command_that_writes_them_is_named():
    with pytest.raises(ValueError, match=r"data_dir is not set: write the items with python -m eval\.cities"):
        load_documents(language="ja", folder="cities", files=FILES)


def test_the_items_of_one_language_are_read_in_order(tmp_path):
    (tmp_path / "cities").mkdir()
    for language in ("en", "ja"):
        rows = [{"id": str(number), "language": language} for number in (2, 1)]
        (tmp_path / "cities" / f"{language}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load_documents(language="ja", folder="cities", files=FILES, data_dir=str(tmp_path), scored_by="unused")
    assert {split: list(rows) for split, rows in found.items()} == {
        "test": [{"id": "2", "language": "ja"}, {"id": "1", "language": "ja"}]
    }


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
