"""Weights & Biases: the reports of a run, without a network, and refusals."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.loop.trainer import train
from training.records.wandb_reporting import check_wandb

needs_wandb = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="the package wandb is not installed: pip install 'leia-at-scale[wandb]'"
)

REPORT = """
import json, sys
from pathlib import Path
from rich.console import Console
from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.records.metrics_writer import MetricsWriter
settings = TrainSettings(**json.loads(Path(sys.argv[1]).read_text()))
settings.output_dir.mkdir(parents=True, exist_ok=True)
try:
    with MetricsWriter(settings, Console(), write=True) as writer:
        line = {"learning_rate": 1e-3, "tokens_per_second": 10.0, "skipped": None, "wikis": {"jawiki": {"tokens": 5}}}
        for step in (1, 2):
            writer.write_step({"step": step, "loss": 4.0 / step, **line})
        writer.write_event(2, "held_out", {"loss": {"jawiki": 3.5}})
except ConfigurationError as error:
    print("refused:", error)
"""


def report(repository, run_settings, folder, **environment):
    settings = run_settings(folder / "run", 2, log={"tensorboard": False, "wandb": "leia"})
    (folder / "settings.json").write_text(json.dumps(settings))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    clean |= {"PYTHONPATH": str(repository), "HOME": str(folder), **environment}
    command = [sys.executable, "-c", REPORT, str(folder / "settings.json")]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=clean, stdin=subprocess.DEVNULL, timeout=200
    )


def test_a_project_without_the_package_is_refused_before_the_run_starts(run_settings, tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "wandb" else find_spec(name, *more))
    settings = TrainSettings(**run_settings(tmp_path / "run", 2, log={"tensorboard": False, "wandb": "leia"}))
    with pytest.raises(ConfigurationError, match=r"log\.wandb: 'leia' needs the package wandb, .* or leave log\.wandb out"):
        train(settings)
    assert not (tmp_path / "run").exists()
    check_wandb(None)


@needs_wandb
def test_an_offline_run_holds_the_numbers_of_every_step(repository, run_settings, tmp_path):
    done = report(repository, run_settings, tmp_path, WANDB_MODE="offline")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = (tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb")
    assert found.stat().st_size > 0
    # The summary that wandb prints: a curve of two points, and the last values.
    lines = [" ".join(line.removeprefix("wandb:").split()) for line in done.stderr.splitlines()]
    for line in ("loss █▁", "loss 2", "learning_rate 0.001", "wikis/jawiki/tokens 5", "held_out/loss/jawiki 3.5"):
        assert line in lines, done.stderr
    assert "step" not in " ".join(lines).split("Run summary:")[1].split("You can sync")[0]


@needs_wandb
def test_a_missing_login_is_refused_with_the_remedies(repository, run_settings, tmp_path):
    done = report(repository, run_settings, tmp_path)
    refused = r"refused: log\.wandb: a run of project 'leia' cannot be started: .*api.key.* configured"  # in wandb's own words
    assert re.search(refused, done.stdout, re.IGNORECASE), done.stdout + done.stderr
    assert "WANDB_MODE=offline" in done.stdout


SLOW_WANDB = """
import time
from pathlib import Path
from types import SimpleNamespace
errors = SimpleNamespace(Error=OSError)
class Run:
    def log(self, *_, **__): pass
    def finish(self, exit_code):
        time.sleep(4)
        Path(__file__).with_name("finished").write_text(str(exit_code))
def init(**_):
    return Run()
"""


def test_an_interrupted_run_closes_its_reports_before_any_rank_ends(launch_and_signal, run_settings, tmp_path, monkeypatch):
    """Otherwise the launcher would end the first rank. A slow stand-in takes the place of the package."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "wandb.py").write_text(SLOW_WANDB)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"), prepend=os.pathsep)
    monkeypatch.setenv("LEIA_SAVED_FILE", str(tmp_path / "saved"))
    settings = run_settings(tmp_path / "run", 2, log={"tensorboard": False, "wandb": "leia"}, checkpoint={"every": None})
    asked = launch_and_signal(settings, signal.SIGTERM, after=2)
    assert "exitcode  : 75" in asked.stdout, asked.stdout[-4000:]
    assert (tmp_path / "packages" / "finished").read_text() == "1"
    assert (tmp_path / "saved").is_file()
