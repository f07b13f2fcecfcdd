"""The folder of a run: refusals, and folders that are kept."""

import json
from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.deepspeed_config import build_deepspeed_config
from training.engine.setting_changes import settings_to_match
from training.processes.owner_files import OWNER
from training.processes.run_owner import RunFolderHeldError, RunOwner
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


def test_the_owner_of_a_folder_is_not_content_and_stays_when_the_old_folder_is_kept(run_settings, tmp_path):
    settings = TrainSettings(**run_settings(tmp_path / "run", overwrite=True))
    with RunOwner(tmp_path / "run", 0, 1) as owner:
        owner.acquire(print)
        RunFolder(settings.model_copy(update={"overwrite": False})).check()
        RunFolder(settings).prepare({}, None)
        assert not (tmp_path / "run.1").exists()
        RunFolder(settings).prepare({}, None)
        assert {path.name for path in (tmp_path / "run.1").iterdir()} == {"config.yaml", "deepspeed.json"}
        owner.require_held()
        with pytest.raises(RunFolderHeldError):
            RunOwner(tmp_path / "run", 0, 1).acquire(print)


def test_a_run_that_finds_another_owner_in_its_new_folder_gives_up(run_settings, tmp_path, monkeypatch):
    settings = TrainSettings(**run_settings(tmp_path / "run", overwrite=True))
    (tmp_path / "run" / OWNER).mkdir(parents=True)
    (tmp_path / "run" / "metrics.jsonl").write_text("{}")
    folder = RunFolder(settings)
    renamed = Path.rename

    def rename_and_be_overtaken(path, target):
        renamed(path, target)
        (tmp_path / "run" / OWNER).mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(Path, "rename", rename_and_be_overtaken)
    with pytest.raises(ConfigurationError, match=r"another run has made .*run while this one renamed the old folder to .*run\.1"):
        folder.prepare({}, None)
    assert (tmp_path / "run.1" / "metrics.jsonl").read_text() == "{}"


# --- finished runs ---------------------------------------------------------------------------------------------------------

FINISHED = {"precision": "fp32", "ranks": 2, "data_fingerprint": "d", "stream_fingerprint": "s"}


@pytest.fixture
def finished(run_settings, tmp_path):
    """`finished(**changes)`: compare a finished run with one whose settings, ranks and fingerprints have changed."""
    settings = TrainSettings(**run_settings(tmp_path / "run", resume=True))
    config = build_deepspeed_config(settings, 2)
    RunFolder(settings).prepare(config, None)
    (tmp_path / "run" / "run.json").write_text(json.dumps(FINISHED))

    def compare(ranks=2, of_data="d", of_stream="s", **changes):
        now = TrainSettings(**run_settings(tmp_path / "run", resume=True, **changes))
        found = settings_to_match(now, build_deepspeed_config(now, 2), "fp32", ranks)
        return [change.key for change in RunFolder(now).require_same_run(found, of_data, of_stream)]

    return compare


@pytest.mark.parametrize(
    ("changes", "logged"),
    [
        ({}, []),
        ({"log": {"tensorboard": False, "every": 5}, "checkpoint": {"keep": 9}}, ["checkpoint.keep", "log.every"]),
        ({"ranks": 4, "elastic": True}, ["ranks"]),
        ({"seed": 42}, []),
    ],
)
def test_a_finished_run_with_the_same_result_is_done(finished, changes, logged):
    assert finished(**changes) == logged


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"steps": 20}, r"steps: 12 there, 20 here\. A finished run cannot be continued: choose another output_dir"),
        ({"steps": 11}, r"steps: 12 there, 11 here"),
        ({"seed": 7, "guard": {"sigmas": 4}}, r"seed: 42 there, 7 here; guard\.sigmas: 6\.0 there, 4\.0 here"),
        ({"ranks": 4}, r"ranks: 2 there, 4 here"),
        ({"stage": 3}, r"deepspeed\.zero_optimization\.stage: 2 there, 3 here"),
        ({"stream": {"sequence_length": 32}, "of_stream": "t"}, r"stream\.sequence_length: 64 there, 32 here"),
        ({"of_data": "e", "of_stream": "t"}, r"the corpus has another content"),
    ],
)
def test_a_finished_run_with_another_result_is_an_error_that_names_the_settings(finished, changes, named):
    with pytest.raises(ConfigurationError, match=named):
        finished(**changes)


@pytest.mark.parametrize(
    ("name", "content"), [("config.yaml", "steps: x"), ("deepspeed.json", "{"), ("run.json", "{}"), ("config.yaml", None)]
)
def test_a_finished_run_whose_files_do_not_show_its_settings_is_an_error(finished, tmp_path, name, content):
    path = tmp_path / "run" / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"holds a finished run, but its files do not show its settings \(\w+: .*choose"):
        finished()
