"""CPU time and memory of a command and its children."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("psutil")


def test_the_usage_of_a_command_includes_its_children(load_benchmark, tmp_path) -> None:
    watch_command = load_benchmark("measuring.process_tree").watch_command
    burn = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    usage = watch_command([sys.executable, "-c", code], tmp_path / "log", os.environ)
    assert 0.3 < usage.cpu["workers"] < 5
    assert usage.cpu["driver"] < usage.cpu["workers"]
    assert usage.peak["workers"] > 10**6
    with pytest.raises(subprocess.CalledProcessError) as caught:
        watch_command([sys.executable, "-c", "raise SystemExit('why it failed')"], tmp_path / "log", os.environ)
    assert "why it failed" in caught.value.output
