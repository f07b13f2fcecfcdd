"""Reading the folders of runs."""

import json

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.records.run_logs import EVENTS, METRICS
from training.report.run_files import read_run_files, setting_differences


def line(step, loss=2.0, skipped=None, **more):
    return {"step": step, "loss": loss, "skipped": skipped, "tokens": 64 * step} | more


def write(folder, metrics, events=(), cut_off=""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METRICS).write_text("".join(json.dumps(entry) + "\n" for entry in metrics) + cut_off)
    (folder / EVENTS).write_text("".join(json.dumps(entry) + "\n" for entry in events))
    return folder


def test_a_run_that_was_cut_off_in_mid_line_is_read_up_to_there(tmp_path):
    run = read_run_files(write(tmp_path / "run", [line(1), line(2, stream_hash="beef")], cut_off='{"step": 3, "lo'))
    assert (run.step, run.stream_hash, run.summary) == (2, "beef", None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "it holds no metrics.jsonl"),
        ("", "no step is finished yet"),
        ('{"step": 1', "no step is finished yet"),
        ('{"step": 1}\nnonsense\n{"step": 3}\n', "a line is not JSON"),
        ('{"step": 1}\n{"loss": 1}\n', "line 2 has no step"),
        ("[1]\n", "line 1 has no step"),
    ],
)
def test_a_folder_without_a_run_is_refused(tmp_path, content, message):
    folder = tmp_path / "run"
    folder.mkdir()
    if content is not None:
        (folder / METRICS).write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        read_run_files(folder)


def test_the_facts_of_an_unfinished_run_come_from_its_checkpoint(tmp_path):
    folder = write(tmp_path / "run", [line(1)])
    sizes = {"train_batch_size": 8, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 2}
    (folder / "deepspeed.json").write_text(json.dumps({"zero_optimization": {"stage": 3}, "bf16": {"enabled": True}} | sizes))
    for step, name in ((5, "old"), (10, "new")):
        checkpoint = folder / "checkpoints" / f"step-{step:06d}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "state.json").write_text(json.dumps({"stream": {"fingerprint": name}}))
    want = {"precision": "bf16", "zero_stage": 3, "ranks": 2, "stream_fingerprint": "new"}
    assert read_run_files(folder).facts == want
    (folder / "run.json").write_text(json.dumps({"ranks": 4, "data_fingerprint": "d"}))
    assert read_run_files(folder).facts == want | {"ranks": 4, "data_fingerprint": "d"}


def test_a_skipped_step_is_an_event_even_if_the_run_was_killed_before_it_wrote_one(tmp_path):
    skipped = [line(2, float("nan"), "the loss is nan", sequences=["8-15"]), line(3, float("nan"), "recorded", sequences=["16"])]
    recorded = {"step": 3, "event": "skipped", "reason": "recorded", "sequences": ["16"]}
    run = read_run_files(write(tmp_path / "run", [line(1), *skipped], [recorded]))
    assert run.events == [{"step": 2, "event": "skipped", "reason": "the loss is nan", "sequences": ["8-15"]}, recorded]


def test_settings_that_differ_are_listed_with_the_value_of_each_run(tmp_path):
    runs = []
    for name, config in (
        ("a", "insertion: {probability: 0.5}\nseed: 1\noutput_dir: a\n"),
        ("b", "insertion: {probability: 0.25}\nseed: 1\n"),
    ):
        folder = write(tmp_path / name, [line(1)])
        (folder / "config.yaml").write_text(config)
        runs.append(read_run_files(folder))
    assert setting_differences(runs) == {"insertion.probability": [0.5, 0.25]}
