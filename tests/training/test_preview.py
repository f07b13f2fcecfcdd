"""The command that shows the training data of a run."""

import json

from ..commands import run_module


def test_an_impossible_preview_ends_with_one_line(run_settings, tmp_path, capsys):
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps(run_settings(tmp_path / "run", preview={"sequences": -1})))
    assert run_module("training.preview", "--config", config) == 2
    printed = capsys.readouterr()
    assert "preview.sequences: -1 is not allowed" in printed.err
    assert "Traceback" not in printed.err


def test_the_preview_of_a_configuration_is_printed(run_settings, tmp_path, capsys):
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps(run_settings(tmp_path / "run")))
    assert run_module("training.preview", "--config", config, "--set", "preview.sequences=1", "--set", "preview.first=3") == 0
    assert "sequence 3: " in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
