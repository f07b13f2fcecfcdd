"""The error for a full disk: whether it holds the tables or Spark's temporary files, and what to do."""

import os
import shutil
import tempfile

from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.publishing.publication import STAGING


class DiskFullError(ConfigurationError):
    """No space is left for the tables or for Spark's temporary files; the message names the folder."""


def explain_full_output(output_dir: str, reason: str) -> str:
    """The message when the disk of the tables is full. `reason` is the operating system's.

    >>> explain_full_output("/nowhere", "No space left on device")[:86]
    "output_dir: '/nowhere': No space left on device (0 bytes of the unfinished stage are i"
    """
    output = Location.of(output_dir)
    staging = output / STAGING
    written = sum((staging / path).size() for path in staging.files()) if staging.exists() else 0
    is_local = output.scheme == "file://" and output.exists()
    free = f", {shutil.disk_usage(output.path).free:,} bytes are free now" if is_local else ""
    return (
        f"output_dir: {output_dir!r}: {reason} ({written:,} bytes of the unfinished stage are in {STAGING}{free}); "
        "published tables are complete. Free space, or move the folder to a larger disk and set output_dir, then run the same "
        "command again: it resumes with this stage"
    )


def explain_full_scratch(folders: str, reason: str) -> str:
    """The message when the disk of Spark's shuffles and broadcasts is full."""
    return (
        f"spark.local.dir: {folders!r}: {reason}. Spark writes temporary files (shuffles, broadcasts) to this folder, on a "
        "cluster to that of its nodes; published tables are complete. Free space there, or set SPARK_LOCAL_DIRS in the "
        "environment or spark.local.dir in spark.conf to a folder on a larger disk, then run the same command again: it resumes "
        "with this stage"
    )


def scratch_folders(spark: SparkSession) -> str:
    """The folders of Spark's temporary files on the driver; the nodes of a cluster may use others."""
    configured = spark.sparkContext.getConf().get("spark.local.dir")
    return os.environ.get("SPARK_LOCAL_DIRS") or configured or tempfile.gettempdir()
