"""The benchmark of the plan, on little data."""

import json
import subprocess
import sys


def test_the_second_plan_comes_from_the_cache(repository, tmp_path):
    command = [sys.executable, str(repository / "benchmarks/plan_cost.py"), "--documents", "20000", "--markdown"]
    command += ["--json", str(tmp_path / "figures.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| from the cache |" in done.stdout
    assert "20,000 documents, 400,000 links" in done.stdout
    runs = json.loads((tmp_path / "figures.json").read_text())["runs"]
    assert runs["from the cache"]["tokens"] == runs["cold"]["tokens"] > 10**7
