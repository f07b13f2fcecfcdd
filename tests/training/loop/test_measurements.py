"""Measurements between the steps of a run."""

import gzip
import json

import pytest

from training.records.run_logs import read_log


def test_held_out_articles_are_measured_before_between_and_after_the_steps(watched):
    _, events, _, _ = watched
    assert [(e["step"], e["event"]) for e in events] == [
        (0, "held_out"),
        (2, "held_out"),
        (2, "checkpoint"),
        (4, "held_out"),
    ]
    assert all(set(e["loss"]) == {"eswiki", "jawiki"} for e in events if e["event"] == "held_out")


def test_each_step_has_its_speed_and_memory_and_on_a_cpu_no_mfu(watched):
    _, _, metrics, _ = watched
    for line in metrics:
        assert line["tokens_per_second_per_gpu"] == pytest.approx(line["tokens_per_second"] / 2)
        assert line["mfu"] is None
        assert 100e6 < line["memory_bytes"] < 10e9


def test_the_configured_steps_are_profiled_on_every_rank(watched):
    folder = watched[-1]
    for rank in (0, 1):
        trace = json.loads(gzip.decompress((folder / "profile" / f"rank{rank}.json.gz").read_bytes()))
        assert any("aten::mm" in event.get("name", "") for event in trace["traceEvents"])


@pytest.mark.slow
def test_tasks_are_scored_while_a_model_trains(finish, run_settings, repository, tmp_path):
    config = {
        "model": "unused",
        "tasks": ["xcodah_ja"],
        "data_dir": str(repository / "tests" / "sample" / "eval"),
        "limit": 2,
        "output_dir": "unused",
        "device": "cpu",
    }
    (tmp_path / "tasks.yaml").write_text(json.dumps(config))
    settings = run_settings(tmp_path / "run", steps=3, evaluation={"every": 3, "tasks": str(tmp_path / "tasks.yaml")})
    finish(settings)
    events = read_log(tmp_path / "run" / "events.jsonl")
    assert [(e["step"], e["event"]) for e in events] == [(0, "tasks"), (3, "tasks")], events
    assert all("xcodah_ja/acc" in e["score"] for e in events)
    assert not (tmp_path / "run" / "evaluations" / "step-000000" / "model").exists()
