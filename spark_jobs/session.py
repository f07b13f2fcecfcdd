"""The Spark session of a build."""

import os
import sys

from pyspark import SparkConf
from pyspark.sql import SparkSession

from spark_jobs.config import SparkSettings

# Only what a build depends on. How much memory and how many executors is the cluster's business.
_PROPERTIES = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2000",
    "spark.sql.adaptive.enabled": "true",
    "spark.ui.showConsoleProgress": "false",  # we show our own
    # A task is long and its work is in a Python process; two copies of it only slow a full cluster down.
    "spark.speculation": "false",
}
# A local session serves nobody else: loopback, no UI.
_LOCAL_PROPERTIES = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


def start_session(settings: SparkSettings, name: str) -> SparkSession:
    """Start Spark, or take the session that is there. Weak to strong: ours, spark-submit's properties, `settings.conf`."""
    submitted = SparkConf()
    master = submitted.get("spark.master") or settings.master or "local[*]"
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    properties = dict(_PROPERTIES)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        properties |= _LOCAL_PROPERTIES
    properties |= dict(submitted.getAll())
    properties |= settings.conf
    builder = SparkSession.builder.appName(name).master(master)
    for key, value in properties.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
