"""Scores of evaluation tasks while a model trains: eval/run.py in a separate process, on the exported model."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from training.processes.bound_process import bound_command

LOG = "log.txt"
_LAUNCHER_VARIABLES = {
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "CROSS_RANK", "MASTER_ADDR", "MASTER_PORT"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "LOCAL_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE", "CROSS_SIZE"),
}


class TaskEvaluationError(RuntimeError):
    """eval/run.py failed; the message ends with the last lines of its log. Training continues."""


class TaskScoring:
    """A running evaluation. Only the first rank has one; the other ranks wait for it."""

    def __init__(self, model: Path, config: Path, folder: Path) -> None:
        """Start the tasks of `config` on a Hugging Face directory; results and log go into `folder`."""
        self._folder = folder
        arguments = ["--config", str(config), "--set", f"model={model}", "--set", f"output_dir={folder}"]
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                bound_command("eval.run", arguments), stdout=log, stderr=log, env=without_launcher_variables(os.environ)
            )

    def is_finished(self) -> bool:
        """Whether the process has ended, successfully or not."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()

    def scores(self) -> dict[str, float]:
        """`task/metric` -> value, once the process has ended.

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


def without_launcher_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables of a launcher: with them, the single process would wait for other ranks.

    >>> without_launcher_variables({"HOME": "/home/a", "WORLD_SIZE": "2", "RANK": "0", "TORCHELASTIC_RUN_ID": "none"})
    {'HOME': '/home/a'}
    """
    return {
        name: value
        for name, value in environment.items()
        if name not in _LAUNCHER_VARIABLES and not name.startswith("TORCHELASTIC_")
    }
