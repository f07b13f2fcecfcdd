"""The files that a run begins with, identified by content: weights, configuration and tokenizer of the base model.

A checkpoint holds the tensors that training changed. Frozen weights are in none (LoRA), nor are the configuration and the
tokenizer, so a run that resumes after these files changed would be another run. Every checkpoint therefore records the SHA-256
of each file, and the revision of a model from the hub. A path decides nothing: the files may move.

Cost: SHA-256 runs at 1 to 2 GB/s a core, one file per thread. Llama-2-7B (two files, the larger one of 10 GB) takes 5 to 10
seconds, once on a machine: sums are kept in `data.cache` under a file's path, size, inode and times. One of these is the time of
the inode's last change, which no program can set back.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError
from training.model.weight_files import list_weight_files

_OTHER_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "chat_template.jinja",
)
"""Files beside the weights that decide the trained or the exported model."""

_AT_ONCE = 8
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})$")
"""The end of a folder in the hub's cache: its revision."""


class BaseFiles(TypedDict):
    """The files of a base model."""

    revision: str | None
    """The commit of a model from the hub; None for a folder."""
    sha256: dict[str, str]
    """File name -> checksum."""


def read_base_files(folder: Path, cache: Path | None) -> BaseFiles:
    """The checksums of a model's files; `cache` is the folder in which those of unchanged files are found again."""
    files = [*list_weight_files(folder), *(folder / name for name in _OTHER_FILES if (folder / name).is_file())]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        sums = list(threads.map(lambda file: file_sha256(file, cache), files))
    found = _SNAPSHOT.search(str(folder))
    return {
        "revision": None if found is None else found.group(1),
        "sha256": {file.name: checksum for file, checksum in zip(files, sums, strict=True)},
    }


def file_sha256(file: Path, cache: Path | None) -> str:
    """The SHA-256 of a file, from the cache if the file is the one that was hashed before."""
    status = file.stat()
    identity = [str(file.resolve()), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]
    entry = None if cache is None else cache / "checksums" / f"{_digest(identity)}.json"
    if entry is not None and (known := _read_entry(entry, identity)) is not None:
        return known
    with file.open("rb") as opened:
        checksum = hashlib.file_digest(opened, "sha256").hexdigest()
    if entry is not None:
        content = {"identity": identity, "sha256": checksum, "check": _digest([identity, checksum])}
        write_text_atomically(entry, json.dumps(content))
    return checksum


def _read_entry(entry: Path, identity: list[object]) -> str | None:
    """The checksum that an entry of the cache holds; None for none, and for a damaged one."""
    try:
        content = json.loads(entry.read_text(encoding="utf-8"))
        checksum = content["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if content.get("check") != _digest([identity, checksum]):
        return None
    return str(checksum)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def require_same_files(there: BaseFiles, here: BaseFiles, path: str, step: int) -> None:
    """Refuse to resume from a checkpoint whose run began with other files; `path` is `model.path`.

    Raises:
        ConfigurationError: with the files that differ.
    """
    differences = list_differences(there["sha256"], here["sha256"])
    if not differences:
        return
    remedy = "put the files of that time back"
    if there["revision"] is not None and there["revision"] != here["revision"]:
        remedy = f"set model.path to a folder with revision {there['revision']} (hf download {path} --revision … --local-dir …)"
    more = f", and {len(differences) - 3} more files" if len(differences) > 3 else ""
    raise ConfigurationError(
        f"resume: the run of the checkpoint of step {step} began with other files than {path} has now: "
        f"{'; '.join(differences[:3])}{more}. To continue, {remedy}; else start anew with another output_dir"
    )


def list_differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """The files that differ between two sets of checksums, a clause for each.

    >>> list_differences({"config.json": "aa" * 32, "x": "bb" * 32}, {"config.json": "cc" * 32, "x": "bb" * 32})
    ['config.json (sha256 aaaaaaaaaaaa… there, cccccccccccc… here)']
    """

    def shown(sums: Mapping[str, str], name: str) -> str:
        return f"{sums[name][:12]}…" if name in sums else "missing"

    changed = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
    return [f"{name} (sha256 {shown(there, name)} there, {shown(here, name)} here)" for name in changed]


def require_equal_machines(machines: list[BaseFiles], path: str) -> BaseFiles:
    """The files of the base model, which are the same on each machine.

    Raises:
        ConfigurationError: when two machines have different files at `path`.
    """
    for number, files in enumerate(machines[1:], 1):
        if differences := list_differences(machines[0]["sha256"], files["sha256"]):
            raise ConfigurationError(
                f"model.path: machine 0 and machine {number} have different files at {path}: {'; '.join(differences[:3])}; copy "
                "the same model to all machines, or use a shared folder"
            )
    return machines[0]
