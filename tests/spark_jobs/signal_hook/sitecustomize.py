"""Make a Spark worker send itself a signal in the middle of a shard. Python imports this at its start from PYTHONPATH.

SIGNAL is the number of the signal, SIGNAL_TABLES the tables, SIGNAL_FOLDER a folder. The first worker that has written rows to a
shard of a table creates a file with the table's name in the folder and signals itself. Another process could not do this in
time, because a shard of the sample is written in a few milliseconds.
"""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def signal_first_writers(tables: list[str], signal_number: int, folder: Path) -> None:
    """Wrap `ShardWriter.write` in this process and in its forks."""
    from spark_jobs.common.storage import Location
    from spark_jobs.publishing.shard_writer import ShardWriter

    original_init: Callable[..., None] = ShardWriter.__init__
    original_write: Callable[..., None] = ShardWriter.write
    writers: dict[int, str] = {}

    @functools.wraps(original_init)
    def init_and_remember(self: ShardWriter, where: Location, *rest: Any, **more: Any) -> None:
        original_init(self, where, *rest, **more)
        writers[id(self)] = where.path

    @functools.wraps(original_write)
    def write_and_signal(self: ShardWriter, batch: Any) -> None:
        original_write(self, batch)
        for table in tables:
            if f"/_staging/{table}-" in writers[id(self)]:
                try:
                    (folder / table).touch(exist_ok=False)
                except FileExistsError:  # another worker was the first
                    continue
                os.kill(os.getpid(), signal_number)

    ShardWriter.__init__ = init_and_remember  # type: ignore[method-assign, assignment]
    ShardWriter.write = write_and_signal  # type: ignore[method-assign, assignment]


if "SIGNAL" in os.environ and "pyspark.daemon" in sys.orig_argv:
    signal_first_writers(os.environ["SIGNAL_TABLES"].split(), int(os.environ["SIGNAL"]), Path(os.environ["SIGNAL_FOLDER"]))
