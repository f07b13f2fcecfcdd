"""The controlled experiment as a whole: `python -m benchmarks.transfer.run`."""

import json
import re

import pytest


@pytest.mark.slow
def test_the_quick_experiment_writes_its_report_and_a_second_run_keeps_everything(repository, tmp_path):
    import subprocess
    import sys

    report = tmp_path / "report.md"
    changes = [f"output_dir={tmp_path / 'built'}", f"report={report}"]
    command = [sys.executable, "-m", "benchmarks.transfer.run", "--config", "conf/experiment/quick.yaml"]
    command += [word for change in changes for word in ("--set", change)]
    first = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    text = report.read_text(encoding="utf-8")
    for arm in ("base", "none", "right", "left", "replace", "masked"):
        assert re.search(rf"^\| {arm} \| \d+\.\d \(", text, re.MULTILINE)
    assert re.search(r"^\| masked against right \| \d+\.\d → \d+\.\d \|", text, re.MULTILINE)
    assert not re.search(r"[^\n]\n\|(?!.*\|\n)|\n\n\n|\|\n\n\|", text), "a table is torn"
    assert report.with_suffix(".svg").read_text(encoding="utf-8").startswith("<?xml")
    assert (tmp_path / "built" / "compare" / "compare.html").is_file()

    metrics = [json.loads(line) for line in next(tmp_path.glob("built/right-*/seed-1/run/metrics.jsonl")).open()]
    plain = [json.loads(line) for line in next(tmp_path.glob("built/none-*/seed-1/run/metrics.jsonl")).open()]
    assert sum(line["links_inserted"] for line in metrics) > 0
    assert sum(line["links_inserted"] for line in plain) == 0
    masked = [json.loads(line) for line in next(tmp_path.glob("built/masked-*/seed-1/run/metrics.jsonl")).open()]
    assert sum(line["masked"] for line in masked) > sum(line["masked"] for line in metrics)

    again = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "10 of 10 were finished before" in again.stdout
    without_times = re.compile(r"^\d{4}-.*$", re.MULTILINE)
    assert without_times.sub("", report.read_text(encoding="utf-8")) == without_times.sub("", text)
