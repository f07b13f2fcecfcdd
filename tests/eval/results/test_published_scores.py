"""Published scores beside ours."""

import pytest

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.published_scores import check_published_model, distances_to_published, read_published_scores
from eval.results.score_tables import published_distances_markdown
from eval.scoring.evaluation_run import evaluate_model
from eval.tasks.task_catalogue import read_catalogue, tasks_folder
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import answer, write_evaluation


def test_every_published_score_has_a_reference_task_and_a_source():
    catalogue = read_catalogue(tasks_folder())
    for entry in read_published_scores().values():
        assert entry["source"]
        assert len(entry["scores"]) == 6
        assert all(catalogue[name].scoring == "reference" and 0 < value < 100 for name, value in entry["scores"].items())


def test_an_unknown_model_is_refused_with_a_suggestion(tiny_model, xcsr, tmp_path):
    with pytest.raises(ConfigurationError, match="there are no published figures of 'swallow-7'; did you mean 'swallow-7b'"):
        check_published_model("swallow-7")
    with pytest.raises(ConfigurationError, match="reported: there are no published figures of 'gpt'"):
        evaluate_model(EvalSettings(model=tiny_model, tasks=["xcsqa_ja"], data_dir=xcsr, output_dir=tmp_path, reported="gpt"))


def test_the_distance_is_ours_minus_the_published_score(tmp_path):
    records = [answer(place, place < 3) for place in range(5)]
    tasks = {"xcsqa_ja_reference": records, "xcsqa_ja_reference@0": records, "xcsqa_ja": records}
    write_evaluation(tmp_path, "aaa", tasks, scoring="reference")
    results = read_results(tmp_path)
    found = distances_to_published(results, list(results.tasks), "leia-swallow-7b")
    assert [(row.task, row.published, round(row.points, 1)) for row in found] == [
        ("xcsqa_ja_reference", 42.4, 17.6),
        ("xcsqa_ja_reference@0", 42.4, 17.6),
    ]
    assert "| xcsqa_ja_reference | 0 | 42.4 | 60.0 | 24.5 | +17.6 |" in published_distances_markdown(found)
    assert distances_to_published(results, list(results.tasks), None) == []
    assert published_distances_markdown([]) == ""


def test_a_run_shows_its_distance(tiny_model, xcsr, tmp_path, capsys):
    tasks = ["xcsqa_ja_reference", "xcodah_ja"]
    options = {"device": "cpu", "num_fewshot": 1, "reported": "swallow-13b"}
    evaluate_model(EvalSettings(model=tiny_model, tasks=tasks, data_dir=xcsr, output_dir=tmp_path, **options))
    shown = " ".join(capsys.readouterr().out.split())
    assert "Beside Swallow-13B as published, in per cent" in shown
    markdown = (tmp_path / "results.md").read_text()
    assert "| xcsqa_ja_reference | 1 | 41.8 |" in markdown
    assert "Source: model card leia-llm/Leia-Swallow-13b." in markdown
