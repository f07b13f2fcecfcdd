"""Scores of evaluation tasks while a model trains: by eval/run.py, in a process of its own, on the exported model."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

LOG = "log.txt"
_OF_LAUNCHERS = {
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "CROSS_RANK", "MASTER_ADDR", "MASTER_PORT"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "LOCAL_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE", "CROSS_SIZE"),
}


class TaskEvaluationError(RuntimeError):
    """eval/run.py failed; the message has its last words. Training goes on."""


class Scoring:
    """An evaluation that is running: started by the first rank alone, while all wait for it."""

    def __init__(self, model: Path, config: Path, folder: Path) -> None:
        """Start it: the tasks that `config` names, on a Hugging Face directory; results and log go into `folder`."""
        self._folder = folder
        command = [sys.executable, "-m", "eval.run", "--config", str(config), "--set", f"model={model}"]
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--set", f"output_dir={folder}"], stdout=log, stderr=log, env=without_ranks(os.environ)
            )

    def is_finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End it, if it has not."""
        self._process.terminate()
        self._process.wait()

    def scores(self) -> dict[str, float]:
        """`task/metric` -> value, of an evaluation that is finished.

        Raises:
            TaskEvaluationError: when it failed.
        """
        if code := self._process.wait():
            last = "\n".join((self._folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:])
            raise TaskEvaluationError(f"eval.run ended with exit code {code}; its log is {self._folder / LOG}:\n{last}")
        tasks = json.loads((self._folder / "results.json").read_text(encoding="utf-8"))["tasks"]
        return {
            f"{task}/{metric}": score["value"] for task, result in tasks.items() for metric, score in result["scores"].items()
        }


def without_ranks(environment: Mapping[str, str]) -> dict[str, str]:
    """What a launcher told this rank left out: the evaluation is one process, and would wait for others to meet it.

    >>> without_ranks({"HOME": "/home/a", "WORLD_SIZE": "2", "RANK": "0", "TORCHELASTIC_RUN_ID": "none"})
    {'HOME': '/home/a'}
    """
    return {
        name: value for name, value in environment.items() if name not in _OF_LAUNCHERS and not name.startswith("TORCHELASTIC_")
    }
