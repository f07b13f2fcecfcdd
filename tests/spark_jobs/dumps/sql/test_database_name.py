"""The database in the head of a SQL dump."""

import gzip
import io

import pytest

from spark_jobs.dumps.sql.database_name import read_database

LINE = b"-- Host: 10.64.0.1    Database: elwiki\n"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "x.sql"),
        (b"CREATE TABLE `t` (`a` int);\n", "x.sql"),
        (b"-- Host: 10.64.0.1    Database: \n", "x.sql"),
        (b"INSERT INTO `t` VALUES ('" + LINE.strip() + b"');\n", "x.sql"),
        (b"-" * 4096 + b"\n" + LINE, "x.sql"),
        (b"<html>404</html>", "x.sql.gz"),
        (gzip.compress(LINE, mtime=0)[:-9], "x.sql.gz"),
    ],
    ids=["empty", "no comment", "no name", "in a row", "behind the head", "another format", "cut"],
)
def test_a_head_without_a_name_gives_none(data: bytes, name: str) -> None:
    assert read_database(io.BytesIO(data), name) is None


@pytest.mark.parametrize(
    ("data", "name", "database"),
    [
        (b"-- MySQL dump 10.19\n--\n" + LINE, "x.sql", "elwiki"),
        (LINE.replace(b"\n", b"\r\n"), "x.sql", "elwiki"),
        (gzip.compress(LINE, mtime=0), "x.sql.gz", "elwiki"),
        (LINE.replace(b"el", b"\xff"), "x.sql", "\ufffdwiki"),
    ],
)
def test_the_name_is_read_from_the_comment(data: bytes, name: str, database: str) -> None:
    assert read_database(io.BytesIO(data), name) == database
