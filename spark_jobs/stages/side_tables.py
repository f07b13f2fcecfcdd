"""The optional SQL tables of a dump, each read by one task of a Spark job."""

from pyspark.sql import SparkSession

from spark_jobs.common.storage import Location
from spark_jobs.dumps.dump_files import Dump
from spark_jobs.extraction.optional_files import SideTables, choose_side_tables, combine_tables, read_side_table
from spark_jobs.runtime.spark_tasks import map_tasks


def read_side_tables(spark: SparkSession, folder: Location, dump: Dump) -> SideTables:
    """Read the usable tables of the dump in one Spark job."""
    tables = choose_side_tables(folder, dump)
    if not tables:
        return SideTables(None, None)
    return combine_tables(dict(map_tasks(spark, sorted(tables.items()), lambda table: (table[0], read_side_table(*table)))))
