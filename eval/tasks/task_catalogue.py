"""The tasks in eval/tasks, read as data: names, tags, and the local file each would read.

lm-eval keeps an index of its own, but needs seconds of imports for it; a mistyped name should be answered at once.
"""

import difflib
import fnmatch
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from eval.tasks.data_files import find_file
from spark_jobs.common.errors import ConfigurationError


class _Loader(yaml.SafeLoader):
    """Plain types; `!function module.load` stays the text `module.load`."""


_Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]


@dataclass(frozen=True)
class TaskFile:
    """One task as its YAML file states it, `include` resolved."""

    name: str
    path: Path
    tags: tuple[str, ...]
    config: Mapping[str, Any]

    @property
    def language(self) -> str | None:
        """Language code of the task, `ja`."""
        language = self.config.get("dataset_kwargs", {}).get("language")
        return None if language is None else str(language)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The task's version, its scoring, and where its data lie."""
        metadata: Mapping[str, Any] = self.config.get("metadata", {})
        return metadata

    @property
    def scoring(self) -> str:
        """`standard` or `reference`."""
        return str(self.metadata["scoring"])

    @property
    def default_fewshot(self) -> int:
        """Examples that a `reference` task has where nothing is said."""
        return int(self.metadata.get("reference", {}).get("num_fewshot", 0))

    @property
    def takes_examples(self) -> bool:
        """Whether a few-shot count means anything to the task: 0 in its file is final."""
        if self.scoring == "reference":
            return bool(self.metadata["reference"]["draw"] != "none")
        return bool(self.config.get("num_fewshot") != 0)

    def local_files(self, data_dir: Path) -> dict[str, Path]:
        """The files that the task reads below `data_dir`, by their roles; none for a task that ships its data."""
        told = {**self.metadata, **self.config.get("dataset_kwargs", {})}  # as lm-eval calls the task's loader
        sources, folder = told.get("files", {}), str(told.get("folder", ""))
        return {role: find_file(data_dir, folder, str(source["local"]).format_map(told)) for role, source in sources.items()}

    def sha256(self) -> str:
        """Identity of the task: its resolved YAML, the Python and the data beside it."""
        digest = hashlib.sha256(json.dumps(self.config, sort_keys=True, ensure_ascii=False).encode())
        for path in sorted(path for pattern in ("*.py", "*.json") for path in self.path.parent.glob(pattern)):
            digest.update(path.read_bytes())
        return digest.hexdigest()


def tasks_folder() -> Path:
    """Folder of the shipped tasks, for lm-eval's `--include_path`."""
    return Path(str(files("eval") / "tasks"))


def read_catalogue(folder: Path) -> dict[str, TaskFile]:
    """All tasks below `folder` by name; files that only others include are no tasks."""
    catalogue = {}
    for path in sorted(folder.rglob("*.yaml")):
        config = _read(path)
        if isinstance(config.get("task"), str):
            tags = config.get("tag") or []
            catalogue[config["task"]] = TaskFile(config["task"], path, tuple([tags] if isinstance(tags, str) else tags), config)
    return catalogue


def _read(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (a SafeLoader)
    include = config.pop("include", None)
    return {**_read(path.parent / include), **config} if include else config


def resolve(requested: Sequence[str], languages: Sequence[str] | None, catalogue: Mapping[str, TaskFile]) -> list[TaskFile]:
    """The tasks that `requested` names, each once, in the order asked for.

    A tag or pattern stands for its tasks: in the order of `languages` and only those and tasks of no language, or all of them by
    name. A task that is named in full is taken whatever its language.
    Raises `ConfigurationError` for a name or a language that fits nothing.
    """
    tags = sorted({tag for task in catalogue.values() for tag in task.tags})
    _check_languages(languages, catalogue.values())
    chosen: dict[str, TaskFile] = {}
    for name in requested:
        if name in catalogue:
            members = [catalogue[name]]
        else:
            members = [task for task in catalogue.values() if name in task.tags or fnmatch.fnmatchcase(task.name, name)]
            if not members:
                raise ConfigurationError(_unknown(name, catalogue, tags))
            members.sort(key=lambda task: task.name)
            if languages is not None:
                members = [task for language in (*languages, None) for task in members if task.language == language]
        chosen |= {task.name: task for task in members}
    if not chosen:
        raise ConfigurationError(f"tasks: none of {', '.join(requested)} exists in the languages {', '.join(languages or [])}")
    return list(chosen.values())


def _check_languages(languages: Sequence[str] | None, tasks: Iterable[TaskFile]) -> None:
    known = sorted({task.language for task in tasks if task.language})
    for language in languages or ():
        if language not in known:
            raise ConfigurationError(f"languages: no task is in {language!r}; there are {', '.join(known)}")


def _unknown(name: str, catalogue: Mapping[str, TaskFile], tags: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, [*tags, *catalogue], n=3)
    hint = f"did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
    return f"tasks: {name!r} is neither a task nor a tag. {hint or 'Known tags: ' + ', '.join(tags)}"


def check_local_files(tasks: Iterable[TaskFile], data_dir: Path) -> None:
    """Refuse a `data_dir` that lacks a task's file; the message names the file and what to do."""
    missing = [(task, path) for task in tasks for path in task.local_files(data_dir).values() if not path.is_file()]
    if missing:
        task, path = missing[0]
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        remedy = task.metadata.get(
            "remedy", "put the published files there, or set data_dir: null to read them where they are published"
        )
        raise ConfigurationError(f"data_dir: {task.name} reads {path}, which does not exist{others}; {remedy}")
