"""Conversion of a checkpoint for another number of ranks, by DeepSpeed's own tool."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from spark_jobs.common.errors import ConfigurationError
from training.engine.collectives import all_gather_objects
from training.engine.interruption import InterruptedByRequestError, Interruption
from training.engine.launch_environment import Ranks
from training.processes.bound_process import bound_command

REPORT_EVERY = 60.0
"""Seconds between two lines about a conversion in progress."""


def convert_checkpoint(
    checkpoint: Path, stage: int, ranks: Ranks, interruption: Interruption, announce: Callable[[str], None]
) -> Path:
    """The universal form of a checkpoint, for any number of ranks; every rank calls it. `remove_universal` removes it.

    The first rank starts the tool, which writes beside the checkpoint; a large model on shared storage can take an hour. The
    ranks compare twice a second whether it has finished, so that no collective waits that long. `announce` prints the progress.

    Raises:
        ConfigurationError: when DeepSpeed's tool fails; the message has its last lines.
        InterruptedByRequestError: when the run was asked to end meanwhile; the incomplete conversion is removed.
    """
    conversion = CheckpointConversion(checkpoint, stage, announce) if ranks.main else None
    try:
        finished = interruption.wait(conversion.is_finished if conversion is not None else lambda: False)
        failure = conversion.failure() if conversion is not None and finished else None
    finally:
        if conversion is not None:
            conversion.stop()
    [folder, failure], *_ = all_gather_objects([None if conversion is None else str(conversion.folder), failure])
    if conversion is not None and (failure or not finished):
        remove_universal(conversion.folder)
    if not finished:
        raise InterruptedByRequestError
    if failure:
        raise ConfigurationError(
            f"elastic: DeepSpeed's tool could not convert {checkpoint} for another number of ranks:\n{failure}"
        )
    assert folder is not None  # the first rank has one
    return Path(folder)


def conversion_command(checkpoint: Path, universal: Path, stage: int) -> list[str]:
    """The command line of DeepSpeed's tool, which ends with this process."""
    arguments = ["--input_folder", str(checkpoint), "--output_folder", str(universal)]
    arguments += [] if stage == 3 else ["--inject_missing_state"]
    return bound_command("deepspeed.checkpoint.ds_to_universal", arguments)


class CheckpointConversion:
    """A running conversion: the process of DeepSpeed's tool."""

    def __init__(self, checkpoint: Path, stage: int, announce: Callable[[str], None]) -> None:
        """Start it. Leftovers of killed conversions are removed, and never used.

        Each conversion has a new folder: the tool of a killed run may still be writing to the old one.
        """
        for leftover in checkpoint.parent.glob("*.universal"):
            shutil.rmtree(leftover, ignore_errors=True)
        self.folder = checkpoint.with_name(f"{checkpoint.name}.{uuid.uuid4().hex[:8]}.universal")
        self._announce, self._began, self._reported = announce, time.monotonic(), time.monotonic()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `stop`)
        # In a new session, so that its workers can be ended with it.
        self._process = subprocess.Popen(
            conversion_command(checkpoint, self.folder, stage), stdout=self._log, stderr=self._log, start_new_session=True
        )
        announce(f"converting {checkpoint} for another number of ranks, which takes a while for a large model")

    def is_finished(self) -> bool:
        """Whether it has ended, with success or not. Prints its progress once a minute."""
        if self._process.poll() is not None:
            return True
        now = time.monotonic()
        if now - self._reported >= REPORT_EVERY:
            self._reported = now
            with contextlib.suppress(OSError):  # the tool removes files, too
                written = sum(path.stat().st_size for path in self.folder.rglob("*"))
                self._announce(f"still converting: {now - self._began:,.0f} s, {written / 1e9:,.1f} GB written")
        return False

    def failure(self) -> str | None:
        """The last lines of a finished tool that has failed; None after success."""
        if self._process.wait() == 0:
            return None
        self._log.seek(0)
        return "\n".join(self._log.read().decode(errors="replace").strip().splitlines()[-5:]) or "(it printed nothing)"

    def stop(self) -> None:
        """End it and its workers, if they are still running."""
        if self._process.poll() != 0:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


def remove_universal(universal: Path) -> None:
    """Remove the result of `convert_checkpoint`."""
    shutil.rmtree(universal, ignore_errors=True)
    (universal.parent / "latest_universal").unlink(missing_ok=True)
