"""Checkpoints as folders: written beside, published by one rename, verified by checksum, retained by count. Knows no torch.

    output_dir/checkpoints/
      step-000010/
        manifest.json     size and SHA-256 of every other file
        state.json        RunState: step, stream, guard, and what must be the same to go on
        ...               what DeepSpeed writes: model, optimizer, fp32 master weights, a file or two for each rank
      step-000020.partial/  being written; whoever finds one may delete it

A kill at any moment leaves the last published checkpoint as it was: a folder gets its name only after every file is on disk, and
an older one is deleted only after that. All ranks must see the same folder (a shared file system where there are many machines).
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spark_jobs.common.errors import ConfigurationError

MANIFEST, STATE = "manifest.json", "state.json"
VERSION = 1
"""Raised whenever a checkpoint of before cannot be read any more."""

_NAME = re.compile(r"^step-(\d{6,})$")


class RunState(BaseModel):
    """Where a run stands, beside the weights and the optimizer.

    `step` counts finished steps, and is the state of the learning rate and of the random numbers too: both are functions of
    (configuration, seed, step, rank).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = VERSION
    step: int
    stream: dict[str, Any]
    """`Stream.state`."""
    guard: list[list[Any]]
    """`Guard.state`."""
    skipped: int
    """Steps that were skipped so far."""
    ranks: int
    """World size that wrote it."""
    settings: dict[str, Any]
    """What must be the same to go on: see `training.engine.resume`."""


class Checkpoints:
    """The checkpoints of a run."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self._keep = folder, keep

    def published(self) -> list[Path]:
        """Published checkpoints, newest first; none of them verified."""
        found = [path for path in self.folder.glob("step-*") if _NAME.match(path.name) and path.is_dir()]
        return sorted(found, key=step_of, reverse=True)

    def begin(self, step: int) -> Path:
        """An empty folder to write the checkpoint of `step` into; leftovers of killed runs are removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in [*self.folder.glob("*.partial"), *self.folder.glob("*.deleted"), *self.folder.glob("*.universal")]:
            shutil.rmtree(leftover)
        partial = self.partial(step)
        partial.mkdir()
        return partial

    def partial(self, step: int) -> Path:
        """Where the checkpoint of `step` is written."""
        return self.folder / f"step-{step:06d}.partial"

    def publish(self, state: RunState, sums: dict[str, dict[str, Any]]) -> Path:
        """Give the written checkpoint its name, then delete the oldest ones. `sums` is the union of all ranks' `file_sums`.

        The manifest names every file of the folder: what is in `sums`, and whatever else lies there, which is hashed here.

        Raises:
            ConfigurationError: when `sums` has a file that is not in the folder as this rank sees it; nothing is published then.
        """
        partial = self.partial(state.step)
        _write(partial / STATE, state.model_dump_json(indent=1))
        absent = [name for name in sorted(sums) if not (partial / name).is_file()]
        if absent:
            raise ConfigurationError(unseen(partial, absent))
        sums = sums | file_sums([partial / name for name in files_of(partial) if name not in sums])
        _write(partial / MANIFEST, json.dumps(sums, indent=1, sort_keys=True))
        final = self.folder / f"step-{state.step:06d}"
        _sync(partial)
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
            f"resume: {checkpoint} has version {content.get('version')}, this code reads {VERSION}; go on with the code that "
            "wrote it, or start anew with another output_dir"
        )
    return RunState.model_validate(content)


def files_of(checkpoint: Path) -> list[str]:
    """Names of the files of a checkpoint as this machine lists its folder, without the manifest."""
    return sorted(path.name for path in checkpoint.iterdir() if path.is_file() and path.name != MANIFEST)


def dealt(listings: list[list[str]], rank: int) -> list[str]:
    """The files that one rank looks after, of all that any rank lists (`listings` has one for each): every n-th one by name.

    A network mount may list a folder as it was seconds ago. But who has written a file sees it.

    >>> [dealt([["a", "c"], ["a", "b"]], rank) for rank in (0, 1)]
    [['a', 'c'], ['b']]
    """
    return sorted({name for listing in listings for name in listing})[rank :: len(listings)]


def unseen(checkpoint: Path, names: list[str]) -> str:
    """The message about files that one rank has written and another one does not see."""
    return (
        f"output_dir: not all ranks see {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''} of "
        f"{checkpoint}, which another rank has written; output_dir must be on a file system that all machines share"
    )


def file_sums(files: list[Path]) -> dict[str, dict[str, Any]]:
    """Name -> size and SHA-256 of files, each of which is on disk afterwards, not only in the system's memory."""
    return {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in files}


def damage(checkpoint: Path, rank: int, ranks: int) -> list[str]:
    """What is wrong with the files of a checkpoint that one of `ranks` looks after, as sentences; together they see all files."""
    try:
        sums = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"{MANIFEST} cannot be read: {error}"]
    found = []
    for name in sorted(sums)[rank::ranks]:
        path = checkpoint / name
        if Path(name).name != name:
            found.append(f"{MANIFEST} names {name!r}, which is no plain name")
        elif not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != sums[name]["bytes"]:
            found.append(f"{name} has {path.stat().st_size} bytes, not {sums[name]['bytes']}")
        elif _sha256(path) != sums[name]["sha256"]:
            found.append(f"{name} has another content than was written (SHA-256)")
    return found


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
