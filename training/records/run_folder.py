"""The folder of a run: whether a run may write into it, and the files that are written when it begins.

`training.processes.run_owner` ensures that one run at a time does.
"""

import json
from typing import Any

from spark_jobs.common.errors import ConfigurationError, first_line
from spark_jobs.common.settings import load_settings
from training.config import TrainSettings
from training.engine.checkpoints import free_name
from training.engine.setting_changes import Change, require_same_finished_run, settings_to_match
from training.processes.owner_files import OWNER, is_owner_folder
from training.records.run_logs import EVENTS, METRICS, read_log, truncate_log

CONFIG_FILE, DEEPSPEED_FILE = "config.yaml", "deepspeed.json"
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
        return not self.path.is_dir() or all(is_owner_folder(path) for path in self.path.iterdir())

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
            self._keep_old_folder()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG_FILE).write_text(self._settings.to_yaml(), encoding="utf-8")
        (folder / DEEPSPEED_FILE).write_text(json.dumps(deepspeed, indent=2) + "\n", encoding="utf-8")

    def _keep_old_folder(self) -> None:
        """Rename the folder, and make an empty one that has the same owner."""
        kept = free_name(self.path)
        self.path.rename(kept)
        try:
            self.path.mkdir()
            if (kept / OWNER).is_dir():
                (kept / OWNER).rename(self.path / OWNER)
        except OSError as error:
            raise ConfigurationError(
                f"output_dir: another run has made {self.path} while this one renamed the old folder to {kept}; choose another "
                "output_dir"
            ) from error

    def require_same_run(self, settings: dict[str, Any], data_fingerprint: str, stream_fingerprint: str) -> list[Change]:
        """The changes from the finished run in this folder to a run with these settings that leave its result as it is.

        Args:
            settings: of `training.engine.setting_changes.settings_to_match`.
            data_fingerprint: of the corpus.
            stream_fingerprint: of the stream.

        Raises:
            ConfigurationError: when a run with these settings would end with another result; the message names the settings.
        """
        try:
            ended = json.loads((self.path / SUMMARY).read_text(encoding="utf-8"))
            deepspeed = json.loads((self.path / DEEPSPEED_FILE).read_text(encoding="utf-8"))
            config = load_settings(TrainSettings, self.path / CONFIG_FILE)
            before = settings_to_match(config, deepspeed, ended["precision"], ended["ranks"])
            same_data = ended["data_fingerprint"] == data_fingerprint
            same_stream = same_data and ended["stream_fingerprint"] == stream_fingerprint
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"output_dir: {self.path} holds a finished run, but its files do not show its settings "
                f"({type(error).__name__}: {first_line(error, 200)}); choose another output_dir"
            ) from error
        return require_same_finished_run(before, settings, self._settings.elastic, self.path, same_stream)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of the steps that are finished."""
        return read_log(self.path / METRICS)
