"""What stops a stage and is no fault of the engine, in a sentence: bad input, a full disk.

Such an exception arrives from a task as the text of two languages' stacks. What it means is found in that text.
"""

import os
import pickle
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location

_STAGING = "_staging"
# How a task's exception ends in the text that Spark hands to the driver.
_BAD_INPUT = re.compile(r"^(?:spark_jobs\.[\w.]+\.(?:ExtractError|SqlError)): (.+)$", re.MULTILINE)
# No space left, or a quota used up. Tables are written through pyarrow, which adds a detail of its own; nothing else is.
_FULL_OUTPUT = re.compile(r"Detail: \[errno (?:28|122)\] ([\w ]+)")
_FULL = re.compile(r"(?:java\.io\.IOException: |\[Errno (?:28|122)\] )(No space left on device|Disk quota exceeded)")
_TEXT_TELLS = (PySparkException, Py4JJavaError, OSError, pickle.PicklingError)


class BadInputError(ConfigurationError):
    """A dump that cannot be read, found by a task: the message is the task's own, without the stack of two languages."""


class DiskFullError(ConfigurationError):
    """No space left for the tables, or for Spark's own files; the message says for which."""


@contextmanager
def translate_task_errors(output_dir: str, spark: SparkSession) -> Iterator[None]:
    """Run the body; an exception of which is known what it means to whoever runs the build is raised as that.

    Raises `BadInputError` and `DiskFullError`; any other exception stays as it is, and its traceback must tell.
    """
    try:
        yield
    except ConfigurationError:
        raise
    except _TEXT_TELLS as error:
        if (fault := _fault_of(str(error), output_dir, spark)) is None:
            raise
        raise fault from error


def _fault_of(text: str, output_dir: str, spark: SparkSession) -> ConfigurationError | None:
    if (bad_input := _BAD_INPUT.search(text)) is not None:
        return BadInputError(bad_input[1])
    if (full := _FULL_OUTPUT.search(text)) is not None:
        return DiskFullError(explain_full_output(output_dir, full[1]))
    if (full := _FULL.search(text)) is not None:
        return DiskFullError(explain_full_scratch(scratch_folders(spark), full[1]))
    return None


def explain_full_output(output_dir: str, reason: str) -> str:
    """The message for a disk on which no room is left for the tables. `reason` is the system's.

    >>> explain_full_output("/nowhere", "No space left on device")[:86]
    "output_dir: '/nowhere': No space left on device (0 bytes of the stage that was running"
    """
    output = Location.of(output_dir)
    staging = output / _STAGING
    written = sum((staging / path).size() for path in staging.files()) if staging.exists() else 0
    is_here = output.scheme == "file://" and output.exists()
    free = f", {shutil.disk_usage(output.path).free:,} bytes are free now" if is_here else ""
    return (
        f"output_dir: {output_dir!r}: {reason} ({written:,} bytes of the stage that was running are in {_STAGING}{free}). "
        "No table was published in part, and those of finished stages are whole. Make room and run the same command again: it "
        "goes on with this stage. Or move the folder to a larger disk and give that as output_dir"
    )


def explain_full_scratch(folders: str, reason: str) -> str:
    """The message for a disk on which Spark finds no room for what it shuffles and sends."""
    return (
        f"spark.local.dir: {folders!r}: {reason}. Spark's own files (shuffles, broadcasts) lie there, not the tables; on a "
        "cluster it is the folder of its nodes. No table was published in part, and those of finished stages are whole. Make "
        "room there, or name a folder on a larger disk: the environment variable SPARK_LOCAL_DIRS, or spark.local.dir in the "
        "section spark.conf; then run the same command again: it goes on with this stage"
    )


def scratch_folders(spark: SparkSession) -> str:
    """Where Spark keeps its own files, as this machine has it; on a cluster its nodes may have others."""
    own = spark.sparkContext.getConf().get("spark.local.dir")
    return os.environ.get("SPARK_LOCAL_DIRS") or own or tempfile.gettempdir()
