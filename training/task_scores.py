"""Scores of evaluation tasks while a model trains: by eval/run.py, in a process of its own, on the exported model."""

import json
import subprocess
import sys
from pathlib import Path


class TaskEvaluationError(RuntimeError):
    """eval/run.py failed; the message has its last words. Training goes on."""


def score(model: Path, config: Path, output_dir: Path) -> dict[str, float]:
    """`task/metric` -> value of every task that `config` names, for a Hugging Face directory.

    Raises:
        TaskEvaluationError: when the evaluation fails.
    """
    command = [sys.executable, "-m", "eval.run", "--config", str(config), "--set", f"model={model}"]
    done = subprocess.run([*command, "--set", f"output_dir={output_dir}"], capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise TaskEvaluationError(f"{' '.join(command[1:])} ended with exit code {done.returncode}:\n{last}")
    tasks = json.loads((output_dir / "results.json").read_text(encoding="utf-8"))["tasks"]
    return {f"{task}/{metric}": score["value"] for task, result in tasks.items() for metric, score in result["scores"].items()}
