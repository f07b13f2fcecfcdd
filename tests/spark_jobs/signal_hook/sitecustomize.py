"""Python imports this at its start where its folder is on PYTHONPATH: a Spark worker signals itself in the middle of a shard.

FAULT is the signal's number, FAULT_TABLES the tables, FAULT_FOLDER a folder: the first worker of all that has written rows to a
shard of a table leaves a file of the table's name there, and signals itself. A sample's shard is written in a few
milliseconds, too few to catch a worker from outside.
"""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def signal_first_writers(tables: list[str], signal_number: int, folder: Path) -> None:
    """Wrap `ShardWriter.write` of this process and of those that are forked from it."""
    from spark_jobs.common.storage import Location
    from spark_jobs.publishing.shard_files import ShardWriter

    begin: Callable[..., None] = ShardWriter.__init__
    write: Callable[..., None] = ShardWriter.write
    writers: dict[int, str] = {}

    @functools.wraps(begin)
    def begin_in(self: ShardWriter, where: Location, *rest: Any, **more: Any) -> None:
        begin(self, where, *rest, **more)
        writers[id(self)] = where.path

    @functools.wraps(write)
    def write_and_signal(self: ShardWriter, batch: Any) -> None:
        write(self, batch)
        for table in tables:
            if f"/_staging/{table}-" in writers[id(self)]:
                try:
                    (folder / table).touch(exist_ok=False)
                except FileExistsError:  # another worker was the first
                    continue
                os.kill(os.getpid(), signal_number)

    ShardWriter.__init__ = begin_in  # type: ignore[method-assign, assignment]
    ShardWriter.write = write_and_signal  # type: ignore[method-assign, assignment]


if "FAULT" in os.environ and "pyspark.daemon" in sys.orig_argv:
    signal_first_writers(os.environ["FAULT_TABLES"].split(), int(os.environ["FAULT"]), Path(os.environ["FAULT_FOLDER"]))
