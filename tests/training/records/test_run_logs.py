"""Reading and truncating the logs of a run."""

import doctest

from training.records import run_logs
from training.records.run_logs import read_log, truncate_log


def test_the_worked_example_holds():
    assert doctest.testmod(run_logs).failed == 0


def test_a_resumed_run_drops_the_lines_that_it_will_write_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": null}\n{"step": 3, "loss": 1.0}\n{"step": 4, "lo')
    truncate_log(path, 2)
    assert read_log(path) == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": None}]
    truncate_log(tmp_path / "none.jsonl", 2)
    assert read_log(tmp_path / "none.jsonl") == []
