"""The Spark session of a build."""

import os
import shutil
import sys

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.config import SparkSettings
from spark_jobs.runtime.process_limits import allow_open_files

# `DataFrame.repartitionById`, which sends a row to the task of its shard, is new in 4.1.
_LEAST_SPARK = (4, 1)
_SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
_ROWS_PER_SHUFFLE_PARTITION = 500_000
# Only properties that a build depends on; memory and executors are set on the cluster.
_PROPERTIES = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2000",
    "spark.sql.adaptive.enabled": "true",
    "spark.ui.showConsoleProgress": "false",  # replaced by job_progress.py
    # Tasks are long and work in a Python process; a second copy only slows down a busy cluster.
    "spark.speculation": "false",
    # Several wikis run at a time, each in its own pool, and share the cores.
    "spark.scheduler.mode": "FAIR",
}
# A local session has one user: loopback, no web page. Its JVM moves little data and runs for minutes: one compiler tier and one
# thread for garbage collection halve its CPU time.
_LOCAL_PROPERTIES = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}
# In a local session these loggers print the stack traces of every failed task. The exception of the stage has the same text.
_MUTED_LOGGERS = ("executor.Executor", "storage.DiskBlockObjectWriter")


def start_session(settings: SparkSettings, name: str) -> SparkSession:
    """Start Spark, or return the running session.

    Precedence of properties, from weak to strong: the engine's, those given to spark-submit, `settings.conf`. A master given to
    spark-submit has precedence over `settings.master`. Raises `ConfigurationError` for a Spark older than 4.1, if Java does not
    start, and if the process may open too few files.
    """
    submitted = _submitted_properties()
    master = submitted.get("spark.master") or settings.master or "local[*]"
    properties = dict(_PROPERTIES)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # on a cluster the workers have another Python
        properties |= _LOCAL_PROPERTIES
    builder = SparkSession.builder.appName(name).master(master)
    for key, value in {**properties, **submitted, **settings.conf}.items():
        builder = builder.config(key, value)
    allow_open_files()
    try:
        session = builder.getOrCreate()
    except PySparkRuntimeError as error:
        if error.getCondition() != "JAVA_GATEWAY_EXITED":
            raise
        raise ConfigurationError(_explain_java()) from error
    session.sparkContext.setLogLevel("ERROR")
    if master.startswith("local"):
        log4j = session.sparkContext._jvm.org.apache.logging.log4j  # type: ignore[union-attr]
        for logger in _MUTED_LOGGERS:
            log4j.core.config.Configurator.setLevel(f"org.apache.spark.{logger}", log4j.Level.OFF)
    if tuple(int(part) for part in session.version.split(".")[:2]) < _LEAST_SPARK:
        raise ConfigurationError(f"this is Spark {session.version}; the engine needs 4.1 or newer")
    return session


def _explain_java() -> str:
    home = os.environ.get("JAVA_HOME")
    used = f"JAVA_HOME={home}" if home else f"the java on PATH, {shutil.which('java') or 'of which there is none'}"
    return f"Spark's Java process ended before it was ready; its messages are above. It needs Java 17 or newer and uses {used}"


def size_shuffles(spark: SparkSession, rows: int) -> None:
    """Set the number of shuffle partitions for joins of about `rows` narrow rows, unless the user has set it.

    Spark's default of 200 costs more than the join itself for most wikis, and is too few for the largest. Results do not depend
    on it.
    """
    context = spark.sparkContext
    if context.getConf().get(_SHUFFLE_PARTITIONS) is None:
        least = min(context.defaultParallelism, 32)
        spark.conf.set(_SHUFFLE_PARTITIONS, str(max(least, -(-rows // _ROWS_PER_SHUFFLE_PARTITION))))


def _submitted_properties() -> dict[str, str]:
    """The properties given to spark-submit; none if Python was started directly."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return {}
    # A SparkConf reads the JVM's properties only after it is connected; spark-submit's JVM is already running.
    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())
