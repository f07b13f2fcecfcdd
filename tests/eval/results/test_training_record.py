"""Records of a training run, whole and damaged."""

import re

import pytest

from eval.report.summary_report import write_summary
from eval.results.training_record import LoggedStep, read_training_record
from spark_jobs.common.errors import ConfigurationError


def test_a_run_without_a_loss_is_refused(make_summary_settings, demo):
    (demo / "run" / "metrics.jsonl").write_text('{"step": 1}\n')
    with pytest.raises(ConfigurationError, match="holds no step with a loss"):
        write_summary(make_summary_settings())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"step": 41, "lo', "line 41: not valid JSON"),
        ('{"step": 41, "loss": null}', "line 41: loss: "),
        ('{"step": "x", "loss": 1.0}', "line 41: step: "),
    ],
)
def test_a_damaged_line_of_the_metrics_is_named(make_summary_settings, demo, line, message):
    path = demo / "run" / "metrics.jsonl"
    path.write_text(path.read_text() + line)
    with pytest.raises(ConfigurationError, match=re.escape(f"run: {path}, {message}")):
        write_summary(make_summary_settings())


@pytest.mark.parametrize("content", ["", "[1]", '{"steps": 4'])
def test_a_damaged_record_of_the_run_is_named(make_summary_settings, demo, content):
    (demo / "run" / "run.json").write_text(content)
    with pytest.raises(ConfigurationError, match=re.escape(f"run: {demo / 'run' / 'run.json'} cannot be read")):
        write_summary(make_summary_settings())


def test_a_repeated_step_counts_once(demo):
    with (demo / "run" / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 40, "loss": 1.5}\n')
    steps = read_training_record(demo / "run").steps
    assert len(steps) == 40
    assert steps[-1] == LoggedStep(40, 1.5)
