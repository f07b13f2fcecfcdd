"""The command that evaluates a model."""

import json

import yaml

from eval.results.evaluation_results import read_results

from ..commands import run_module


def test_an_unknown_task_ends_with_one_line_and_a_suggestion(make_settings, tmp_path, capsys):
    config = tmp_path / "eval.yaml"
    config.write_text(yaml.safe_dump(make_settings(tasks=["xcodha_ja"]).model_dump(mode="json")))
    assert run_module("eval.run", "--config", config) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert "tasks: 'xcodha_ja' is neither a task nor a tag" in printed
    assert "'xcodah_ja'" in printed


def test_the_results_of_the_configured_tasks_are_written(make_settings, tmp_path, capsys):
    config = tmp_path / "eval.yaml"
    config.write_text(json.dumps(make_settings().model_dump(mode="json")))
    assert run_module("eval.run", "--config", config, "--set", "limit=2") == 0
    assert {name: result.n for name, result in read_results(tmp_path / "out").tasks.items()} == {"xcodah_ja": 2}
