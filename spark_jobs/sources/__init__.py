"""Dumps as Spark data sources: pages and SQL rows without a build.

    from spark_jobs.sources import register

    register(spark)
    pages = spark.read.format("mediawiki").option("namespaces", "0").load("dumps")
    links = spark.read.format("mediawiki-sql").option("where", "ll_lang='en'").load("dumps/*/*/*-langlinks.sql.gz")

Import from this package. The docstrings of `MediaWikiSource` and `MediaWikiSqlSource` list the options. Workers need `spark_jobs`
(`--py-files`), pyarrow, lxml and PyYAML. Parsing of the formats belongs to `spark_jobs.dumps`.
"""

from pyspark.sql import SparkSession

from spark_jobs.sources.mediawiki_source import MediaWikiSource
from spark_jobs.sources.mediawiki_sql_source import MediaWikiSqlSource
from spark_jobs.sources.source_options import SourceError

__all__ = ["MediaWikiSource", "MediaWikiSqlSource", "SourceError", "register"]


def register(spark: SparkSession) -> None:
    """Register the formats `mediawiki` and `mediawiki-sql` in a session. Calling it twice is harmless."""
    spark.dataSource.register(MediaWikiSource)
    spark.dataSource.register(MediaWikiSqlSource)
