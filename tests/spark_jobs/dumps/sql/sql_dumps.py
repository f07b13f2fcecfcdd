"""SQL dumps as text, and their rows as the reader gives them, for the tests of this room."""

import io

from spark_jobs.dumps.sql.table_reader import read_rows

HEAD = """-- MySQL dump
DROP TABLE IF EXISTS `langlinks`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
CREATE TABLE `langlinks` (
  `ll_from` int(8) unsigned NOT NULL DEFAULT '0',
  `ll_lang` varbinary(20) NOT NULL DEFAULT '',
  `ll_title` varbinary(255) DEFAULT '',
  PRIMARY KEY (`ll_from`,`ll_lang`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
LOCK TABLES `langlinks` WRITE;
/*!40000 ALTER TABLE `langlinks` DISABLE KEYS */;
"""


SIZES = [1, 7, 64, 2**18]


def rows_of(sql: str | bytes, **options) -> list[tuple]:
    data = sql if isinstance(sql, bytes) else (HEAD + sql).encode()
    return [tuple(row.values()) for batch in read_rows(io.BytesIO(data), "x.sql", **options) for row in batch.to_pylist()]


def table_of(definitions: str, inserts: str, **options) -> list[tuple]:
    return rows_of(f"CREATE TABLE `t` (\n{definitions}\n) ENGINE=InnoDB;\n{inserts}".encode(), **options)
