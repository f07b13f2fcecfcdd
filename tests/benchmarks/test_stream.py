"""The benchmark of the stream, on little data."""

import json
import subprocess
import sys

import pytest

FIGURES = {"ours": {"rate": 4e6, "first": 0.1, "peak": 3e8, "resume": 0.2, "wait_37000": 0.0, "wait_1000000": 0.01}}


def test_ratios_compare_rates(load_benchmark):
    slow = FIGURES["ours"] | {"rate": 1e4, "resume": 1234.5}
    rows = load_benchmark("stream").loader_rows(FIGURES | {"original": slow})
    assert rows[0] == ("ours", "4", "1.0", "300", "0.10", "0.20", "0.0%", "1.0%")
    assert rows[1][1:3] == ("0.01", "400.0")
    assert rows[1][5] == "1,234"


@pytest.mark.slow
def test_loaders_are_compared_in_separate_processes(repository, tmp_path):
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(repository / "benchmarks/stream.py"), "--documents", "1024", "--seconds", "0.5", "--markdown"]
    done = subprocess.run([*command, "--json", str(figures)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(figures.read_text())
    assert set(report["loaders"]) == {"ours", "ours, large", "original", "original, vocab kept", "datasets", "datasets, shuffled"}
    assert report["loaders"]["ours"]["rate"] > report["loaders"]["original"]["rate"]
    assert report["amplification"]["1"] == 1.0
    assert "| the original's loader |" in done.stdout
