"""Translation of task errors, from the text that Spark raises on the driver."""

import traceback

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.dumps.sql.sql_cursor import SqlError
from spark_jobs.extraction.rejected_pages import ExtractError
from spark_jobs.publishing.input_changes import InputChangedError
from spark_jobs.runtime.disk_full import DiskFullError
from spark_jobs.runtime.task_errors import BadInputError, translate_task_errors

STACK = """Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times (executor driver):
Traceback (most recent call last):
  File "worker.py", line 1, in main
{error}

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:561)"""


def last_line(error: Exception) -> str:
    """The last line of the traceback of a task: the class under its real name, and the message."""
    return traceback.format_exception_only(error)[-1].rstrip("\n")


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (last_line(ExtractError("a.bz2, stream 7: bad")), BadInputError, r"^a\.bz2, stream 7: bad$"),
        (last_line(SqlError("a.sql.gz, byte 9: bad")), BadInputError, r"^a\.sql\.gz, byte 9: bad$"),
        ("OSError: write. Detail: [errno 28] No space left on device", DiskFullError, "^output_dir: '/out': No space left on"),
        ("OSError: write. Detail: [errno 122] Disk quota exceeded", DiskFullError, "^output_dir: '/out': Disk quota exceeded"),
        ("OSError: [Errno 28] No space left on device", DiskFullError, r"^spark\.local\.dir: '/scratch': No space left on"),
        ("java.io.IOException: No space left on device", DiskFullError, r"^spark\.local\.dir: '/scratch': No space left on"),
        ("OSError: [Errno 24] Too many open files: '/x'", ConfigurationError, r"Raise the limit with `ulimit -n 4096` or more"),
        ("java.io.FileNotFoundException: /x/y (Too many open files)", ConfigurationError, "Raise the limit with `ulimit"),
        ("OSError: Cannot open. Detail: [errno 24] Too many open files", ConfigurationError, "Raise the limit with `ulimit"),
    ],
)
def test_a_known_error_becomes_one_sentence(spark, monkeypatch, error, expected, message) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/scratch")
    with pytest.raises(expected, match=message), translate_task_errors("/out", spark):
        raise OSError(STACK.format(error=error))


@pytest.mark.parametrize(
    "error",
    [OSError(STACK.format(error="KeyError: 'x'")), KeyError("[Errno 28] No space left on device"), InputChangedError("changed")],
    ids=["unknown text", "another type", "already translated"],
)
def test_any_other_exception_is_raised_unchanged(spark, error) -> None:
    with pytest.raises(type(error)) as caught, translate_task_errors("/out", spark):
        raise error
    assert caught.value is error
