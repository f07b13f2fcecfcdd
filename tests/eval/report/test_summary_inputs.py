"""Tasks without candidates in a summary."""

import shutil

from eval.report.summary_inputs import read_summary_inputs
from eval.report.summary_page import render_summary


def test_tasks_without_candidates_are_left_out(make_summary_settings, demo, tmp_path):
    from eval.results.evaluation_results import EvalResults
    from eval.results.item_records import records_sha256

    for side in ("before", "after"):
        shutil.copytree(demo / "eval" / side, tmp_path / side)
        path = tmp_path / side / "results.json"
        results = EvalResults.model_validate_json(path.read_text())
        name = next(iter(results.tasks))
        score = results.tasks[name].scores.pop("acc")
        results.tasks[name].scores.clear()
        results.tasks[name].scores["exact_match"] = score
        samples = tmp_path / side / "samples" / f"{name}.jsonl"
        samples.write_text(samples.read_text().replace('"metrics":{"acc":', '"metrics":{"exact_match":'))
        results.tasks[name].samples_sha256 = records_sha256(tmp_path / side, name)
        path.write_text(results.model_dump_json())
    settings = make_summary_settings(before=tmp_path / "before", after=tmp_path / "after")
    found = read_summary_inputs(settings)
    assert name not in [comparison.task for comparison in found.scores]
    assert name not in [paired.name for paired in found.paired]
    assert "<svg" in render_summary(settings, found)
