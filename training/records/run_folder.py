"""The folder of a run: whether a run may write into it, and the files that are written when it begins."""

import json
from pathlib import Path
from typing import Any

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.records.run_logs import EVENTS, METRICS, read_log, truncate_log

SUMMARY = "run.json"
"""The summary that a finished run writes last."""


class RunFolder:
    """The `output_dir` of a run."""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings, self.path = settings, settings.output_dir

    @property
    def holds_finished_run(self) -> bool:
        """Whether the run in it is finished."""
        return (self.path / SUMMARY).is_file()

    @property
    def _is_empty(self) -> bool:
        return not self.path.is_dir() or not any(self.path.iterdir())

    def check(self) -> None:
        """Refuse to write into a folder that is not empty, unless `resume` or `overwrite` is set.

        Raises:
            ConfigurationError: with what the folder holds and the remedies.
        """
        folder = self.path
        if folder.exists() and not folder.is_dir():
            raise ConfigurationError(f"output_dir: {folder} is a file; choose a folder")
        if self._settings.overwrite or self._settings.resume or self._is_empty:
            return
        content = "a finished run" if self.holds_finished_run else "an unfinished run or other files"
        resume = "" if self.holds_finished_run else "continue it with --set resume=true, "
        raise ConfigurationError(
            f"output_dir: {folder} holds {content}; {resume}choose another folder, or pass --set overwrite=true "
            f"(the old folder is kept as {free_name(folder)})"
        )

    def prepare(self, deepspeed: dict[str, Any], finished_steps: int | None) -> None:
        """Make the folder, and write both resolved configurations into it: the run's and DeepSpeed's.

        A resumed run (`finished_steps` is not None) keeps its logs up to that step. Otherwise an old folder is renamed, never
        deleted; with `resume` set, that is the folder of a run that ended before its first checkpoint.
        """
        folder = self.path
        if finished_steps is not None:
            for name in (METRICS, EVENTS):
                truncate_log(folder / name, finished_steps)
        elif not self._is_empty:
            folder.rename(free_name(folder))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(self._settings.to_yaml(), encoding="utf-8")
        (folder / "deepspeed.json").write_text(json.dumps(deepspeed, indent=2) + "\n", encoding="utf-8")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of the steps that are finished."""
        return read_log(self.path / METRICS)


def free_name(folder: Path) -> Path:
    """The first of folder.1, folder.2, … that does not exist."""
    number = 1
    while folder.with_name(f"{folder.name}.{number}").exists():
        number += 1
    return folder.with_name(f"{folder.name}.{number}")
