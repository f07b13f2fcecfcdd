"""Curves from the lines of a run."""

import doctest
import json

import numpy as np
import pytest

from spark_jobs.common.errors import ConfigurationError
from training.loop.metrics_log import EVENTS, METRICS
from training.report import metric_series as run_series
from training.report import run_files, run_html
from training.report.metric_series import buckets, measured, ratio, series
from training.report.run_files import read_run_files, setting_differences


def line(step, loss=2.0, skipped=None, wikis=("jawiki",), **more):
    counts = {"tokens": 64, "masked": 8, "links_seen": 4, "links_inserted": 2}
    return {"step": step, "loss": loss, "skipped": skipped, "tokens": 64 * step, "wikis": dict.fromkeys(wikis, counts)} | more


def write(folder, metrics, events=(), cut_off=""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METRICS).write_text("".join(json.dumps(entry) + "\n" for entry in metrics) + cut_off)
    (folder / EVENTS).write_text("".join(json.dumps(entry) + "\n" for entry in events))
    return folder


@pytest.mark.parametrize("module", [run_series, run_files, run_html])
def test_the_examples_of_the_docstrings_hold(module):
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0


@pytest.mark.parametrize(
    ("lines", "steps", "accepted", "skipped"),
    [
        ([line(1)], [1], [2.0], []),
        ([line(1, 3.0), line(2, 2.0)], [1, 2], [3.0, 2.0], []),
        # A skipped step has no place on the curve, whether its loss is a number or not.
        ([line(1), line(2, float("nan"), "the loss is nan"), line(3)], [1, 2, 3], [2.0, np.nan, 2.0], [2]),
        ([line(1), line(2, 99.0, "the loss is 99, above 3"), line(3)], [1, 2, 3], [2.0, np.nan, 2.0], [2]),
        ([line(1, float("inf"), "the loss is inf")], [1], [np.nan], [1]),
        # The lines of a run that went on from before what it had written already: the later ones count.
        ([line(1, 4.0), line(2, 3.0), line(3, 2.9), line(2, 2.5), line(3, 2.4)], [1, 2, 3], [4.0, 2.5, 2.4], []),
        ([line(2, float("nan"), "the loss is nan"), line(2, 1.0)], [2], [1.0], []),
        # Lines of an earlier version say less.
        ([{"step": 1}], [1], [np.nan], []),
    ],
)
def test_the_loss_is_that_of_the_steps_that_were_made(lines, steps, accepted, skipped):
    found = series(lines)
    assert found.steps.tolist() == steps
    np.testing.assert_array_equal(found.accepted_loss, accepted)
    assert sorted(found.skipped) == skipped


def test_what_a_line_does_not_know_is_no_number_in_the_curve():
    found = series([line(1, mfu=None, memory_bytes=2**30), line(2, mfu=0.4)])
    np.testing.assert_array_equal(found.values["mfu"], [np.nan, 0.4])
    np.testing.assert_array_equal(found.values["memory_bytes"], [2**30, np.nan])


def test_wikis_are_counted_each_and_the_largest_comes_first():
    small, large = {"tokens": 10, "masked": 1}, {"tokens": 30, "links_seen": 5, "links_inserted": 2}
    found = series(
        [line(1, wikis=()) | {"wikis": {"be_x_oldwiki": small, "zh-yuewiki": large}}, line(2, wikis=("be_x_oldwiki",))]
    )
    assert list(found.wikis) == ["be_x_oldwiki", "zh-yuewiki"]
    assert found.totals["be_x_oldwiki"] == {"tokens": 74, "masked": 9, "links_seen": 4, "links_inserted": 2}
    assert found.totals["zh-yuewiki"] == {"tokens": 30, "masked": 0, "links_seen": 5, "links_inserted": 2}


def test_a_spike_of_one_step_is_seen_in_a_long_run():
    values = np.ones(100_000)
    values[77_777] = 50.0
    found = buckets(np.arange(1, 100_001), values, 400)
    assert len(found.x) == 400
    assert (found.high.max(), int(np.argmax(found.high)), found.low.min()) == (50.0, 77_777 // 250, 1.0)
    assert found.x[-1] == 100_000


@pytest.mark.parametrize(
    ("values", "at_most", "x", "mean", "low", "high"),
    [
        ([5.0], 400, [1], [5.0], [5.0], [5.0]),
        ([1.0, 3.0, 5.0], 2, [2, 3], [2.0, 5.0], [1.0, 5.0], [3.0, 5.0]),
        ([np.nan, np.nan, 5.0], 2, [2, 3], [np.nan, 5.0], [np.nan, 5.0], [np.nan, 5.0]),
        ([], 2, [], [], [], []),
    ],
)
def test_neighbours_are_joined(values, at_most, x, mean, low, high):
    found = buckets(np.arange(1, len(values) + 1), np.array(values), at_most)
    for have, want in zip(found, (x, mean, low, high), strict=True):
        np.testing.assert_array_equal(have, want)


def test_a_share_is_of_sums_and_unknown_where_there_is_nothing():
    x, shares = ratio(np.arange(1, 6), np.array([1, 0, 9, 0, 0]), np.array([2, 0, 10, 0, 0]), 3)
    assert x.tolist() == [2, 4, 5]
    np.testing.assert_array_equal(shares, [0.5, 0.9, np.nan])


def test_measurements_are_ordered_and_the_later_of_two_counts():
    events = [
        {"step": 10, "event": "held_out", "loss": {"jawiki": 2.0, "swwiki": 3.0}},
        {"step": 5, "event": "held_out", "loss": {"jawiki": 4.0}},
        {"step": 5, "event": "checkpoint", "path": "x"},
        {"step": 10, "event": "held_out", "loss": {"jawiki": 1.5}},
    ]
    found = measured(events, "held_out", "loss")
    assert {wiki: (p.steps.tolist(), p.values.tolist()) for wiki, p in found.items()} == {
        "jawiki": ([5, 10], [4.0, 1.5]),
        "swwiki": ([10], [3.0]),
    }


def test_a_run_that_was_cut_off_in_mid_line_is_read_up_to_there(tmp_path):
    run = read_run_files(write(tmp_path / "run", [line(1), line(2, stream_hash="beef")], cut_off='{"step": 3, "lo'))
    assert (run.step, run.stream_hash, run.summary) == (2, "beef", None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "it holds no metrics.jsonl"),
        ("", "no step is finished yet"),
        ('{"step": 1', "no step is finished yet"),
        ('{"step": 1}\nnonsense\n{"step": 3}\n', "a line is no JSON"),
        ('{"step": 1}\n{"loss": 1}\n', "line 2 has no step"),
        ("[1]\n", "line 1 has no step"),
    ],
)
def test_a_folder_that_holds_no_run_is_named(tmp_path, content, said):
    folder = tmp_path / "run"
    folder.mkdir()
    if content is not None:
        (folder / METRICS).write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        read_run_files(folder)


def test_what_a_run_is_comes_from_its_checkpoint_until_it_is_finished(tmp_path):
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


def test_a_skipped_step_is_an_event_even_if_the_run_was_killed_before_it_was_told(tmp_path):
    skipped = [line(2, float("nan"), "the loss is nan", sequences=["8-15"]), line(3, float("nan"), "told", sequences=["16"])]
    told = {"step": 3, "event": "skipped", "reason": "told", "sequences": ["16"]}
    run = read_run_files(write(tmp_path / "run", [line(1), *skipped], [told]))
    assert run.events == [{"step": 2, "event": "skipped", "reason": "the loss is nan", "sequences": ["8-15"]}, told]


def test_what_differs_between_runs_is_named_with_the_value_of_each(tmp_path):
    runs = []
    for name, config in (
        ("a", "insertion: {probability: 0.5}\nseed: 1\noutput_dir: a\n"),
        ("b", "insertion: {probability: 0.25}\nseed: 1\n"),
    ):
        folder = write(tmp_path / name, [line(1)])
        (folder / "config.yaml").write_text(config)
        runs.append(read_run_files(folder))
    assert setting_differences(runs) == {"insertion.probability": [0.5, 0.25]}
