"""Checkpoints as folders: written beside, published by one rename, verified by checksum, a fixed number kept. Imports no torch.

    output_dir/checkpoints/
      step-000010/
        manifest.json     size and SHA-256 of every other file
        state.json        RunState: step, stream, guard, and the settings of the run
        ...               DeepSpeed's files: model, optimizer, fp32 master weights, a file or two for each rank
      step-000020.partial/  being written; any leftover may be deleted
      step-000030.damaged/  skipped when the run resumed; does not count as a checkpoint, and may be deleted

A kill at any moment leaves the last published checkpoint intact: a folder gets its name only after every file is on disk, and
an older one is deleted only after that. All ranks must see the same folder (a shared file system where there are many machines).
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict

from spark_jobs.common.errors import ConfigurationError, first_line

MANIFEST, STATE = "manifest.json", "state.json"
VERSION = 2
"""Raised whenever earlier checkpoints cannot be read any more."""

_NAME = re.compile(r"^step-([0-9]{6,})$")
_DAMAGED = ".damaged"


class FileSum(TypedDict):
    """The entry of a file in a manifest."""

    bytes: int
    sha256: str


class RunState(BaseModel):
    """The state of a run beside the weights and the optimizer.

    `step` counts finished steps. It is the state of the learning rate and of the random numbers, too: both are functions of
    (configuration, seed, step, rank).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = VERSION
    step: int
    stream: dict[str, Any]
    """`Stream.state`."""
    guard: list[list[Any]]
    """The guard's history of steps."""
    skipped: int
    """Steps that were skipped so far."""
    ranks: int
    """World size that wrote it."""
    settings: dict[str, Any]
    """All settings of the run that wrote it: see `training.engine.setting_changes`. `base_files` are those of the base model."""


class Checkpoints:
    """The checkpoints of a run."""

    def __init__(self, folder: Path, keep: int, require_owned: Callable[[], None] = lambda: None) -> None:
        """`require_owned` is called before anything is removed or published; it raises when another run owns the folder."""
        self.folder, self._keep, self._require_owned = folder, keep, require_owned

    def published(self) -> list[Path]:
        """Published checkpoints, newest first, not verified."""
        found = [path for path in self.folder.glob("step-*") if _NAME.match(path.name) and path.is_dir()]
        return sorted(found, key=step_of, reverse=True)

    def damaged(self) -> list[Path]:
        """Folders that `rename_damaged` has renamed."""
        return sorted(path for path in self.folder.glob(f"step-*{_DAMAGED}*") if path.is_dir())

    def rename_damaged(self, checkpoint: Path) -> Path:
        """Give a damaged checkpoint another name, so that its step can be saved again; returns the new path."""
        self._require_owned()
        renamed = checkpoint.with_name(checkpoint.name + _DAMAGED)
        renamed = free_name(renamed) if renamed.exists() else renamed
        checkpoint.rename(renamed)
        _sync(self.folder)
        return renamed

    def begin(self, step: int) -> Path:
        """An empty folder to write the checkpoint of `step` into; leftovers of killed runs are removed."""
        self._require_owned()
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in [*self.folder.glob("*.partial"), *self.folder.glob("*.deleted"), *self.folder.glob("*.universal")]:
            shutil.rmtree(leftover)
        partial = self.partial(step)
        partial.mkdir()
        return partial

    def partial(self, step: int) -> Path:
        """The folder that the checkpoint of `step` is written into."""
        return self.folder / f"step-{step:06d}.partial"

    def publish(self, state: RunState, sums: dict[str, FileSum]) -> Path:
        """Give the written checkpoint its name, then delete the oldest ones. `sums` is the union of all ranks' `file_sums`.

        The manifest names every file of the folder: those in `sums`, and all others there, which are hashed here.

        Raises:
            ConfigurationError: when `sums` has a file that this rank does not see in the folder; nothing is published then.
        """
        partial = self.partial(state.step)
        _write(partial / STATE, state.model_dump_json(indent=1))
        absent = [name for name in sorted(sums) if not (partial / name).is_file()]
        if absent:
            raise ConfigurationError(missing_files_message(partial, absent))
        sums = sums | file_sums([partial / name for name in list_checkpoint_files(partial) if name not in sums])
        _write(partial / MANIFEST, json.dumps(sums, indent=1, sort_keys=True))
        final = self.folder / f"step-{state.step:06d}"
        _sync(partial)
        self._require_owned()
        partial.rename(final)
        _sync(self.folder)
        for old in self.published()[self._keep :]:
            # Renamed first: a half-deleted checkpoint must not be taken for a whole one.
            shutil.rmtree(old.rename(old.with_name(old.name + ".deleted")))
        return final


def step_of(checkpoint: Path) -> int:
    """The step in a checkpoint's name."""
    found = _NAME.match(checkpoint.name)
    if found is None:
        raise ValueError(f"{checkpoint} is not the name of a checkpoint")
    return int(found.group(1))


def read_state(checkpoint: Path) -> RunState:
    """The state of a checkpoint.

    Raises:
        ConfigurationError: when another version of this code wrote it.
    """
    content = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    if content.get("version") != VERSION:
        raise ConfigurationError(
            f"resume: {checkpoint} has version {content.get('version')}, this code reads {VERSION}; resume with the code that "
            "wrote it, or start anew with another output_dir"
        )
    return RunState.model_validate(content)


def list_checkpoint_files(checkpoint: Path) -> list[str]:
    """Names of the files of a checkpoint as this machine lists its folder, without the manifest."""
    return sorted(path.name for path in checkpoint.iterdir() if path.is_file() and path.name != MANIFEST)


def files_of_rank(listings: list[list[str]], rank: int) -> list[str]:
    """The files that one rank hashes, of all that any rank lists (`listings` has one list for each rank): every n-th one by name.

    A network mount may list a folder as it was seconds ago, but the machine that has written a file lists it.

    >>> [files_of_rank([["a", "c"], ["a", "b"]], rank) for rank in (0, 1)]
    [['a', 'c'], ['b']]
    """
    return sorted({name for listing in listings for name in listing})[rank :: len(listings)]


def missing_files_message(checkpoint: Path, names: list[str]) -> str:
    """The error message for files that one rank has written and another one does not see."""
    return (
        f"output_dir: not all ranks see {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''} of "
        f"{checkpoint}, which another rank has written; output_dir must be on a file system that all machines share"
    )


def file_sums(files: list[Path]) -> dict[str, FileSum]:
    """Name -> size and SHA-256 of files. Afterwards each file is on disk, not only in the system's memory."""
    return {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in files}


def find_damage(checkpoint: Path, rank: int, ranks: int) -> list[str]:
    """The damage in the files of a checkpoint that one of `ranks` checks, as sentences; together the ranks check all files."""
    try:
        sums = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"{MANIFEST} cannot be read: {first_line(error)}"] if rank == 0 else []
    if not isinstance(sums, dict):
        return [f"{MANIFEST} holds a {type(sums).__name__}, not the files of a checkpoint"] if rank == 0 else []
    found = [f"{MANIFEST} does not name {STATE}"] if STATE not in sums and rank == 0 else []
    for name in sorted(sums)[rank::ranks]:
        try:
            damage = _find_file_damage(checkpoint / name, name, sums[name])
        except OSError as error:
            damage = f"cannot be read: {error.strerror or error}"
        found += [f"{name} {damage}"] if damage else []
    return found


def _find_file_damage(path: Path, name: str, entry: object) -> str | None:
    """The end of a sentence about a file that differs from its entry in the manifest."""
    if path.name != name:
        return f"is named by {MANIFEST}, but is not a plain file name"
    if not isinstance(entry, dict) or not entry.keys() >= FileSum.__required_keys__:
        return f"has no size and checksum in {MANIFEST}"
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != entry["bytes"]:
        return f"has {path.stat().st_size} bytes, not {entry['bytes']}"
    return None if _sha256(path) == entry["sha256"] else "has another content than was written (SHA-256)"


def free_name(folder: Path) -> Path:
    """The first of folder.1, folder.2, … that does not exist."""
    number = 1
    while folder.with_name(f"{folder.name}.{number}").exists():
        number += 1
    return folder.with_name(f"{folder.name}.{number}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
