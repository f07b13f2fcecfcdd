"""The folder of a run: refusals, and folders that are kept."""

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.records.run_folder import RunFolder


def test_overwriting_keeps_the_old_folder_under_another_name(run_settings, tmp_path):
    for text in ("first", "second", "third"):
        settings = TrainSettings(**run_settings(tmp_path / "run", overwrite=True))
        RunFolder(settings).check()
        RunFolder(settings).prepare({}, None)
        (tmp_path / "run" / "metrics.jsonl").write_text(text)
    found = {folder.name: (folder / "metrics.jsonl").read_text() for folder in tmp_path.iterdir()}
    assert found == {"run.1": "first", "run.2": "second", "run": "third"}


def test_an_unfinished_run_is_not_overwritten(run_settings, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"an unfinished run or other files; continue it with --set resume=true, choose"):
        RunFolder(TrainSettings(**run_settings(tmp_path / "run"))).check()
