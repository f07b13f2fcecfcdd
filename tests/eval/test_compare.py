"""`python -m eval.compare` as a command."""

import subprocess
import sys

from typer.testing import CliRunner

from eval.compare import app
from eval.report.comparison_report import COMPARISON_MARKDOWN, COMPARISON_PAGE


def test_a_mistake_on_the_command_line_is_reported_without_a_traceback(three_models, tmp_path):
    done = CliRunner().invoke(app, [three_models[0], str(tmp_path / "none"), "--output", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "error:" in done.stderr
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_writes_both_files(three_models, tmp_path, repository):
    command = [sys.executable, "-m", "eval.compare", *three_models, "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [COMPARISON_PAGE, COMPARISON_MARKDOWN]
