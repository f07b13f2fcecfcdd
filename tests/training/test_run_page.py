"""The command that draws the page of runs."""

import json
import subprocess
import sys

from typer.testing import CliRunner

from training.records.page_updates import RUN_PAGE
from training.records.run_logs import METRICS
from training.run_page import app


def test_the_command_writes_a_page_or_prints_one_line(tmp_path, repository):
    (tmp_path / "run").mkdir()
    lines = [{"step": step, "loss": 3.0 / step, "skipped": None, "tokens": 64 * step} for step in (1, 2)]
    (tmp_path / "run" / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [sys.executable, "-m", "training.run_page", f"left={tmp_path / 'run'}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 0, done.stderr
    assert "<h1>left</h1>" in (tmp_path / "run" / RUN_PAGE).read_text()
    assert sorted(path.name for path in (tmp_path / "run").glob("run.html*")) == [RUN_PAGE]
    refused = CliRunner().invoke(app, [str(tmp_path / "none")])
    assert (refused.exit_code, "there is no such folder" in refused.stderr, "Traceback" in refused.output) == (2, True, False)
    shown = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["--help"]).stdout
    assert "--output" in shown
    assert "LABEL=DIR" in shown
