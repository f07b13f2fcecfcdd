"""Translation of task errors that the user can fix, bad input, a full disk and too few open files, into one sentence.

Spark raises an exception of a task on the driver as text, with the stacks of Python and the JVM. The error is recognised in it.
"""

import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.runtime.disk_full import DiskFullError, explain_full_output, explain_full_scratch, scratch_folders
from spark_jobs.runtime.process_limits import explain_open_files

# The last line of a task's exception in the text that Spark passes to the driver.
_BAD_INPUT = re.compile(r"^(?:spark_jobs\.[\w.]+\.(?:ExtractError|SqlError)): (.+)$", re.MULTILINE)
# No space left, or quota exceeded (errno 28, 122). pyarrow, which writes the tables, adds "Detail: "; Spark does not.
_FULL_OUTPUT = re.compile(r"Detail: \[errno (?:28|122)\] ([\w ]+)")
_FULL_SCRATCH = re.compile(r"(?:java\.io\.IOException: |\[Errno (?:28|122)\] )(No space left on device|Disk quota exceeded)")
_TOO_MANY_FILES = re.compile(r"(?:\[[Ee]rrno 24\]|\() ?Too many open files")
_TRANSLATED = (PySparkException, Py4JJavaError, OSError, pickle.PicklingError)


class BadInputError(ConfigurationError):
    """A task could not read a dump. The message is the task's, without stack traces."""


@contextmanager
def translate_task_errors(output_dir: str, spark: SparkSession) -> Iterator[None]:
    """Run the body, and translate recognised exceptions into a `ConfigurationError`. Others are raised unchanged."""
    try:
        yield
    except ConfigurationError:
        raise
    except _TRANSLATED as error:
        if (translated := _translate(str(error), output_dir, spark)) is None:
            raise
        raise translated from error


def _translate(text: str, output_dir: str, spark: SparkSession) -> ConfigurationError | None:
    if (bad_input := _BAD_INPUT.search(text)) is not None:
        return BadInputError(bad_input[1])
    if (full := _FULL_OUTPUT.search(text)) is not None:
        return DiskFullError(explain_full_output(output_dir, full[1]))
    if (full := _FULL_SCRATCH.search(text)) is not None:
        return DiskFullError(explain_full_scratch(scratch_folders(spark), full[1]))
    if _TOO_MANY_FILES.search(text) is not None:
        return ConfigurationError(explain_open_files())
    return None
