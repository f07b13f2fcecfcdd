"""The tasks in eval/tasks, read as data: names, tags, and the local files that each one reads.

lm-eval has an index too, but importing lm-eval takes seconds, and a mistyped name should be reported at once.
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

from eval.tasks.data_files import find_file
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.strict_yaml import BoundedLoader, read_yaml


class _Loader(BoundedLoader):
    """Plain types; `!function xcsr_documents.load_documents` becomes the text `xcsr_documents.load_documents`."""


_Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]


@dataclass(frozen=True)
class TaskFile:
    """One task, as in its YAML file with `include` resolved."""

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
        """The task's version, its scoring and the sources of its data."""
        metadata: Mapping[str, Any] = self.config.get("metadata", {})
        return metadata

    @property
    def scoring(self) -> str:
        """`standard` or `reference`."""
        return str(self.metadata["scoring"])

    @property
    def default_fewshot(self) -> int:
        """Few-shot examples of a `reference` task when no count is requested."""
        return int(self.metadata.get("reference", {}).get("num_fewshot", 0))

    @property
    def takes_examples(self) -> bool:
        """True if a requested few-shot count applies to the task; 0 in its file is final."""
        if self.scoring == "reference":
            return bool(self.metadata["reference"]["draw"] != "none")
        return bool(self.config.get("num_fewshot") != 0)

    def local_files(self, data_dir: Path) -> dict[str, Path]:
        """The files that the task reads below `data_dir`, by role; empty for a task that ships its data."""
        arguments = {**self.metadata, **self.config.get("dataset_kwargs", {})}  # those of `load_documents`
        sources, folder = arguments.get("files", {}), str(arguments.get("folder", ""))
        return {role: find_file(data_dir, folder, str(source["local"]).format_map(arguments)) for role, source in sources.items()}

    def sha256(self) -> str:
        """Identity of the task: hash of its resolved YAML and of the Python and JSON files beside it."""
        digest = hashlib.sha256(json.dumps(self.config, sort_keys=True, ensure_ascii=False).encode())
        for path in sorted(path for pattern in ("*.py", "*.json") for path in self.path.parent.glob(pattern)):
            digest.update(path.read_bytes())
        return digest.hexdigest()


def tasks_folder() -> Path:
    """Folder of the shipped tasks, for lm-eval's `--include_path`."""
    return Path(str(files("eval") / "tasks"))


def read_catalogue(folder: Path) -> dict[str, TaskFile]:
    """All tasks below `folder` by name; files that are only included by others are left out."""
    catalogue = {}
    for path in sorted(folder.rglob("*.yaml")):
        config = _read(path)
        if isinstance(config.get("task"), str):
            tags = config.get("tag") or []
            catalogue[config["task"]] = TaskFile(config["task"], path, tuple([tags] if isinstance(tags, str) else tags), config)
    return catalogue


def _read(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = read_yaml(path, _Loader)
    include = config.pop("include", None)
    return {**_read(path.parent / include), **config} if include else config


def resolve_task_names(
    requested: Sequence[str], languages: Sequence[str] | None, catalogue: Mapping[str, TaskFile]
) -> list[TaskFile]:
    """The tasks that `requested` names, each once, in the requested order.

    A name is a task, a tag or a pattern. A tag or pattern selects the tasks of `languages`, in that order, then tasks without a
    language; with `languages` None it selects all its tasks, by name. A task named in full is selected in any language.
    Raises `ConfigurationError` for a name or a language without a task.
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
    """Raises `ConfigurationError`, with the file and the remedy, if `data_dir` lacks a file of a task."""
    missing = [(task, path) for task in tasks for path in task.local_files(data_dir).values() if not path.is_file()]
    if missing:
        task, path = missing[0]
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        remedy = task.metadata.get(
            "remedy", "put the published files there, or set data_dir: null to fetch them from their publishers"
        )
        raise ConfigurationError(f"data_dir: {task.name} reads {path}, which does not exist{others}; {remedy}")
