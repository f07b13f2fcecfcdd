"""The Spark session of a build."""

import os
import sys

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.config import SparkSettings

# `DataFrame.repartitionById`, which sends a row to the task of its shard, is new in 4.1.
_LEAST_SPARK = (4, 1)
_SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
_ROWS_PER_SHUFFLE_PARTITION = 500_000
# Only what a build depends on. How much memory and how many executors is the cluster's business.
_PROPERTIES = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2000",
    "spark.sql.adaptive.enabled": "true",
    "spark.ui.showConsoleProgress": "false",  # we show our own
    # A task is long and its work is in a Python process; two copies of it only slow a full cluster down.
    "spark.speculation": "false",
    # Several wikis run at a time, each in a pool of its own: none waits until another has no task left.
    "spark.scheduler.mode": "FAIR",
}
# A local session serves nobody else: loopback, no UI. Its JVM moves little and lives for minutes: compiling in one tier and
# collecting in one thread halves its CPU time.
_LOCAL_PROPERTIES = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}
# Where the driver runs the tasks, its log has what a failed one says once a task, in the stacks of two languages. The stage's own
# exception says it too.
_WORDY_LOGS = ("executor.Executor", "storage.DiskBlockObjectWriter")


def start_session(settings: SparkSettings, name: str) -> SparkSession:
    """Start Spark, or take the session that is there.

    Weak to strong: our properties, what spark-submit was given, `settings.conf`; a master given to spark-submit stands.
    Raises `ConfigurationError` for a Spark older than 4.1.
    """
    submitted = _submitted_properties()
    master = submitted.get("spark.master") or settings.master or "local[*]"
    properties = dict(_PROPERTIES)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # on a cluster the workers have a Python of their own
        properties |= _LOCAL_PROPERTIES
    builder = SparkSession.builder.appName(name).master(master)
    for key, value in {**properties, **submitted, **settings.conf}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    if master.startswith("local"):
        log4j = session.sparkContext._jvm.org.apache.logging.log4j  # type: ignore[union-attr]
        for log in _WORDY_LOGS:
            log4j.core.config.Configurator.setLevel(f"org.apache.spark.{log}", log4j.Level.OFF)
    if tuple(int(part) for part in session.version.split(".")[:2]) < _LEAST_SPARK:
        raise ConfigurationError(f"this is Spark {session.version}; the engine needs 4.1 or newer")
    return session


def size_shuffles(spark: SparkSession, rows: int) -> None:
    """Set the number of shuffle partitions for joins of about `rows` narrow rows; one that the user has chosen stands.

    Spark's default of 200 costs more than the work itself for most wikis, and is too few for the largest. Results do not
    depend on it.
    """
    context = spark.sparkContext
    if context.getConf().get(_SHUFFLE_PARTITIONS) is None:
        least = min(context.defaultParallelism, 32)
        spark.conf.set(_SHUFFLE_PARTITIONS, str(max(least, -(-rows // _ROWS_PER_SHUFFLE_PARTITION))))


def _submitted_properties() -> dict[str, str]:
    """The properties that spark-submit was given; none if Python was started directly."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return {}
    # A SparkConf sees the JVM's properties only once there is a connection to it; spark-submit's JVM is already running.
    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())
