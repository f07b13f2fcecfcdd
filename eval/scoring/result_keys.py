"""The key of a result: a hash of everything that its scores depend on. A result with an equal key is not computed again."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.config import EvalSettings
from eval.scoring.lm_eval_tasks import LmEvalTask, hub_commit, items_sha256
from eval.scoring.task_requests import TaskRequest
from eval.tasks.task_catalogue import TaskFile

SCORING_VERSION = "3"
"""Version of the scoring code; part of every key. Raise it when scores change: in lm_eval_tasks.py, lm_eval_scores.py,
language_model.py, generation.py, likelihood.py, or the functions that they call."""
RECORDED_PACKAGES = ("leia-at-scale", "lm_eval", "transformers", "tokenizers", "torch", "datasets")
"""Packages whose versions a result records."""
SCORING_PACKAGES = ("lm_eval", "transformers", "tokenizers")
"""Packages whose versions are part of the key; torch and the device change rounding alone."""


def result_key(request: TaskRequest, settings: EvalSettings, fingerprint: str, loaded: Mapping[str, LmEvalTask]) -> str:
    """sha256 over model, task, data, settings and versions.

    Batch size and device are left out: they change rounding, not meaning. The bytes of local files determine their items, so
    a task need not be loaded to compare them; published data are compared by the items of the task in `loaded`.
    """
    source = {key: value for key, value in _data_source(request.task, settings).items() if not key.endswith("_file")}
    parts = {
        "model": fingerprint,
        "task": request.task.sha256(),
        "data": items_sha256(loaded[request.name]) if request.name in loaded else source,
        "settings": recorded_settings(request, settings),
        "scoring_version": SCORING_VERSION,
        "versions": {name: version(name) for name in SCORING_PACKAGES},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def recorded_settings(request: TaskRequest, settings: EvalSettings) -> dict[str, Any]:
    """The settings that scores depend on, as configured."""
    return {**settings.model_dump(mode="json", include={"limit", "seed", "dtype"}), "num_fewshot": request.num_fewshot}


def recorded_versions() -> dict[str, str]:
    """The installed versions of `RECORDED_PACKAGES`."""
    return {name: version(name) for name in RECORDED_PACKAGES}


def recorded_data(request: TaskRequest, task: LmEvalTask, settings: EvalSettings) -> dict[str, str]:
    """The source of a loaded task's data and the hash of its items."""
    commit = hub_commit(task)
    served = {} if commit is None else {"commit": commit}
    return _data_source(request.task, settings) | served | {"items_sha256": items_sha256(task)}


def _data_source(task: TaskFile, settings: EvalSettings) -> dict[str, str]:
    """`<role>_file` and `<role>_sha256` of local files; else the address of the published data, or the task that ships them."""
    if settings.data_dir is not None or not task.metadata.get("files", task.config.get("dataset_kwargs", {}).get("files")):
        files = task.local_files(settings.data_dir or Path())
        found = {f"{role}_file": str(path) for role, path in files.items()}
        found |= {f"{role}_sha256": hashlib.sha256(path.read_bytes()).hexdigest() for role, path in files.items()}
        return found or {"shipped": str(task.path.parent.name)}
    if "hub_path" in task.metadata:
        return {"hub": str(task.metadata["hub_path"]), "revision": str(task.metadata["hub_revision"])}
    return {f"{role}_url": str(source["url"]) for role, source in task.config["dataset_kwargs"]["files"].items()}
