"""Dumps as Spark data sources, for who wants pages or rows and no build.

    from spark_jobs.sources import register

    register(spark)
    pages = spark.read.format("mediawiki").option("namespaces", "0").load("dumps/*-multistream*.xml*.bz2")
    links = spark.read.format("mediawiki-sql").option("where", "ll_lang=en").load("dumps/*-langlinks.sql.gz")

`MediaWikiSource` and `MediaWikiSqlSource` say which options there are. Workers need `spark_jobs` (`--py-files`), pyarrow, lxml
and pydantic.
"""

from pyspark.sql import SparkSession

from spark_jobs.sources.mediawiki_source import MediaWikiSource
from spark_jobs.sources.source_options import SourceError
from spark_jobs.sources.mediawiki_sql_source import MediaWikiSqlSource

__all__ = ["MediaWikiSource", "MediaWikiSqlSource", "SourceError", "register"]


def register(spark: SparkSession) -> None:
    """Make the formats `mediawiki` and `mediawiki-sql` known to a session. Doing it again does no harm."""
    spark.dataSource.register(MediaWikiSource)
    spark.dataSource.register(MediaWikiSqlSource)
