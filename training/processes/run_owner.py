"""One owner for a run folder, on any file system that several machines share.

    output_dir/owner/
      rank-00000-3f2a9c1e.json     host and process of the rank, and a count that it raises every ten seconds
      rank-00001-3f2a9c1e.json

A folder is owned while `owner` has a file. Three operations decide, each atomic on local disks, NFS and Lustre:

- To become the owner, the first rank fills a new folder with its file and renames it to `owner`, which fails while `owner` has
  files.
- To take over from a run that has ended (`lease_rule`), its files are deleted by name. A name has the token of its run, so this
  never deletes the file of a newer owner, whatever has happened since the last look.
- Each rank deletes its file when it ends. So the folder is held until the last rank has ended.

There are no file locks: many shared file systems do not have them, or have them for one machine only. A rank whose file has
disappeared has lost the folder, for example because its machine was suspended: `require_held` raises, before the rank writes.
"""

import contextlib
import errno
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from spark_jobs.common.errors import ConfigurationError
from training.processes.lease_rule import BEAT, STALE, Lease
from training.processes.owner_files import OWNER, OwnerWatch, RankFile, describe_owner, rank_file_name
from training.processes.process_identity import read_own_identity

FIND_AGAIN = 3.0
"""Seconds that a rank looks for its missing file: the first rank moves `owner` when it gives an old run folder another name."""


class RunFolderHeldError(ConfigurationError):
    """Another run owns the folder; the message names it."""


class RunFolderLostError(ConfigurationError):
    """Another run has taken the folder over, so this run must not write into it any more."""


class RunOwner:
    """The share of one rank in the ownership of a run folder; released at the end of a `with` statement.

    The first rank calls `acquire`; then the others call `join` with its token.
    """

    def __init__(self, folder: Path, rank: int, ranks: int, beat: float = BEAT, stale: float = STALE) -> None:
        """`beat` and `stale` are the times of `lease_rule`."""
        self.token = uuid.uuid4().hex[:8]
        self._folder, self._beat_seconds, self._stale = folder, beat, stale
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._file = RankFile(process=read_own_identity(), rank=rank, ranks=ranks, since=since)
        self._held = self._lost = self._made_folder = False
        self._confirmed = 0.0
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "RunOwner":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    @property
    def _owner(self) -> Path:
        return self._folder / OWNER

    @property
    def _path(self) -> Path:
        return self._owner / rank_file_name(self._file.rank, self.token)

    def acquire(self, announce: Callable[[str], None]) -> None:
        """Become the owner. Waits where only time can show whether an earlier owner has ended; `announce` prints that.

        Raises:
            RunFolderHeldError: when another run owns the folder.
            ConfigurationError: when the folder cannot be written.
        """
        try:
            self._made_folder = not self._folder.exists()
            self._wait_for_folder(announce)
        except OSError as error:
            raise ConfigurationError(
                f"output_dir: {self._folder} cannot be written ({error.strerror or error}); correct its permissions, or choose "
                "another folder"
            ) from error
        for leftover in self._folder.glob(f"{OWNER}.*.new"):
            shutil.rmtree(leftover, ignore_errors=True)
        self._begin()

    def join(self, token: str) -> None:
        """Share the ownership that the first rank has acquired; `token` is its token.

        Raises:
            ConfigurationError: when this machine does not see the folder.
        """
        self.token = token
        deadline = time.monotonic() + self._stale
        while True:  # a network mount may remember for a minute that the folder did not exist
            try:
                self._path.write_bytes(self._file.as_bytes())
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        f"output_dir: rank {self._file.rank} does not see {self._owner}, which the first rank has made "
                        f"({error.strerror or error}); output_dir must be on a file system that all machines share"
                    ) from error
                time.sleep(min(1.0, self._beat_seconds))
        self._begin()

    def require_held(self) -> None:
        """Raise unless this run still owns the folder.

        Raises:
            RunFolderLostError: when another run has taken it over, or may have: this rank could not write for too long.
        """
        if self._held and _now() - self._confirmed > 2 * self._beat_seconds:
            self._write_beat()  # this process was suspended, or its thread did not get to run
        silent = _now() - self._confirmed
        if self._lost or (self._held and silent > self._stale):
            raise RunFolderLostError(
                f"output_dir: {self._folder} was taken over by another run, because this one wrote nothing for "
                f"{max(silent, self._stale):.0f} s (a suspended machine, or storage that did not answer). This run ends and "
                "changes nothing any more"
            )

    def release(self) -> None:
        """Give up this rank's share."""
        self._ended.set()
        if self._thread is None:
            return
        self._thread.join(self._beat_seconds)  # a thread that runs at the exit of a process can abort it
        with self._lock:
            if not self._held:
                return
            self._held = False
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
                self._owner.rmdir()  # the last rank succeeds
                if self._made_folder:
                    self._folder.rmdir()  # nothing was written

    def _wait_for_folder(self, announce: Callable[[str], None]) -> None:
        watch, deadline = OwnerWatch(self._folder, self._stale), time.monotonic() + self._stale
        announced = False
        while not self._create_owner():
            lease, files = watch.look()
            if lease is Lease.HELD:
                raise RunFolderHeldError(
                    f"output_dir: {self._folder} belongs to a run that is still active: {describe_owner(files)}. Wait until it "
                    "has ended or end it there, or choose another output_dir"
                )
            if lease is Lease.ABANDONED:
                announce(f"{self._folder} is taken over from {describe_owner(files)}, which has ended")
                self._delete(files)
                continue
            if lease is Lease.FREE and time.monotonic() > deadline:
                raise RunFolderHeldError(
                    f"output_dir: {self._owner} has files that no rank has written; remove it if no run is active, or choose "
                    "another output_dir"
                )
            if lease is Lease.UNKNOWN and not announced:
                announced = True
                announce(
                    f"{self._folder} belongs to {describe_owner(files)}; watching for {self._stale:.0f} s whether it is active"
                )
            time.sleep(min(1.0, self._beat_seconds / 4))

    def _create_owner(self) -> bool:
        """Make `owner` with this rank's file in it; returns False where it has files already."""
        new = self._folder / f"{OWNER}.{self.token}.new"
        try:
            new.mkdir(parents=True, exist_ok=True)
            (new / self._path.name).write_bytes(self._file.as_bytes())
            with contextlib.suppress(OSError):  # not empty
                self._owner.rmdir()  # some file systems do not rename a folder to the name of an empty one
            new.rename(self._owner)
        except OSError as error:
            # Another run that wants the folder may remove `new` or an empty `owner` at any moment.
            if error.errno not in (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY) and not self._owner.is_dir():
                raise
            return False
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return True

    def _delete(self, names: Iterable[str]) -> None:
        for name in names:
            (self._owner / name).unlink(missing_ok=True)

    def _begin(self) -> None:
        self._held, self._confirmed = True, _now()
        self._thread = threading.Thread(target=self._beat_until_end, name="run-owner", daemon=True)
        self._thread.start()

    def _beat_until_end(self) -> None:
        while not self._ended.wait(self._beat_seconds):
            self._write_beat()

    def _write_beat(self) -> None:
        """Write this rank's file again, unless it has disappeared."""
        with self._lock:
            if self._lost or not self._held:
                return
            self._file.beat += 1
            deadline = time.monotonic() + FIND_AGAIN
            while not self._lost:
                try:
                    with self._path.open("r+b", buffering=0) as file:  # never makes it anew
                        file.write(self._file.as_bytes())
                        os.fsync(file.fileno())
                    self._confirmed = _now()
                    return
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.ESTALE):
                        return  # the storage does not answer; tried again at the next beat
                    self._lost = time.monotonic() > deadline
                    time.sleep(0.2)


def _now() -> float:
    """Seconds on a clock that also counts while the machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
