"""The command that sums up a demonstration."""

import shutil

import yaml

from ..commands import run_module


def test_the_summary_is_written_or_a_missing_folder_is_named(make_summary_settings, demo, capsys):
    config = demo / "summary.yaml"
    config.write_text(yaml.safe_dump(make_summary_settings().model_dump(mode="json")))
    assert run_module("eval.summary", "--config", config) == 0
    assert (demo / "index.html").read_text().startswith("<!doctype html>")
    shutil.rmtree(demo / "eval" / "after")
    capsys.readouterr()
    assert run_module("eval.summary", "--config", config) == 2
    assert "after: " in capsys.readouterr().err
