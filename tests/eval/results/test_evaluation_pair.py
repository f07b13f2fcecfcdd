"""Evaluations before and after training that can be compared, and those that cannot."""

import json
import re
from pathlib import Path

import pytest

from eval.report.summary_inputs import read_summary_inputs
from eval.report.summary_report import write_summary
from spark_jobs.common.errors import ConfigurationError


def change(results_json: Path, changes: dict) -> None:
    """Change fields of one task; a dictionary changes the entries that it names."""
    results = json.loads(results_json.read_text())
    task = results["tasks"]["xcodah_ja"]
    for field, value in changes.items():
        task[field] = task[field] | value if isinstance(value, dict) else value
    results_json.write_text(json.dumps(results))


FEWSHOT = {"num_fewshot": 4, "settings": {"num_fewshot": 4}}


@pytest.mark.parametrize(
    ("both", "changes", "message"),
    [
        ({}, {"n": 5, "settings": {"limit": 5}}, "n (5, 16)"),
        ({}, {"scoring": "reference"}, "scoring (reference, standard)"),
        ({}, {"scoring_version": "0"}, "scoring_version (0, 1)"),
        ({}, {"task_sha256": "u"}, "task_sha256 (u, t)"),
        ({}, {"data": {"items_sha256": "j"}}, "data (j, i)"),
        ({}, {"dtype": "bfloat16"}, "dtype (bfloat16, float32)"),  # both asked for `auto`
        ({}, FEWSHOT, "num_fewshot (4, 0), seed (42, None)"),
        (FEWSHOT, {"settings": {"seed": 1}}, "seed (1, 42)"),
    ],
)
def test_evaluations_under_different_conditions_are_not_compared(make_summary_settings, demo, both, changes, message):
    change(demo / "eval" / "after" / "results.json", both)
    change(demo / "eval" / "before" / "results.json", both | changes)
    wanted = f"before, after: xcodah_ja was not evaluated alike, the two differ in {message}; evaluate both again"
    with pytest.raises(ConfigurationError, match=re.escape(wanted)):
        write_summary(make_summary_settings())


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"seed": 1}},  # there are no examples to draw
        {"settings": {"dtype": "float32"}},  # as `auto` chose
        {"settings": {"limit": 16}},  # the same items
        {"settings": {"limit": 1000}},
        {"data": {"file": "elsewhere", "sha256": "other"}},  # the same items in other bytes
        {"versions": {"torch": "2.14.0"}},
    ],
)
def test_evaluations_with_the_same_conditions_as_used_are_compared(make_summary_settings, demo, changes):
    change(demo / "eval" / "before" / "results.json", changes)
    assert len(read_summary_inputs(make_summary_settings()).scores) == 2
