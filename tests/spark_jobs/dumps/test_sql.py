import doctest
import io

import pytest

import spark_jobs.dumps.sql
from spark_jobs.dumps.sql import SqlError, read_rows, read_table

HEAD = """-- MySQL dump
CREATE TABLE `langlinks` (
  `ll_from` int(8) unsigned NOT NULL DEFAULT '0',
  `ll_lang` varbinary(20) NOT NULL DEFAULT '',
  `ll_title` varbinary(255) DEFAULT '',
  PRIMARY KEY (`ll_from`,`ll_lang`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
/*!40000 ALTER TABLE `langlinks` DISABLE KEYS */;
"""


def rows_of(sql: str | bytes, **options) -> list[tuple]:
    data = sql if isinstance(sql, bytes) else (HEAD + sql).encode()
    return [tuple(row.values()) for batch in read_rows(io.BytesIO(data), "x.sql", **options) for row in batch.to_pylist()]


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.sql).failed == 0


@pytest.mark.parametrize(
    ("literal", "title"),
    [
        ("'Albert Einstein'", "Albert Einstein"),
        (r"'O\'Brien'", "O'Brien"),
        ("'O''Brien'", "O'Brien"),
        ("'104-2,3,(6),(7),11'", "104-2,3,(6),(7),11"),
        (r"'a),(1,\'en\',\'b'", "a),(1,'en','b"),
        (r"'C:\\dir\\'", "C:\\dir\\"),
        (r"'say \"hi\"'", 'say "hi"'),
        (r"'a\nb\tc\0d\Ze'", "a\nb\tc\0d\x1ae"),
        ("'a\nb'", "a\nb"),
        ("';'", ";"),
        ("''", ""),
        ("NULL", None),
        ("'NULL'", "NULL"),
        ("'日本'", "日本"),
        ("_binary 'x'", "x"),
        (r"'100\% \_'", "100% _"),
    ],
)
def test_titles_are_read_exactly(literal: str, title: str | None) -> None:
    assert rows_of(f"INSERT INTO `langlinks` VALUES (1,'en',{literal}),(2,'de','z');\n") == [(1, "en", title), (2, "de", "z")]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_rows_are_read_whole_wherever_the_file_was_cut(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.sql._READ_BYTES", size)
    sql = (
        r"INSERT INTO `langlinks` VALUES (1,'en','O\'B),('),(2,'de','x''y');" + "\nINSERT INTO `langlinks` VALUES (3,'fr','');\n"
    )
    assert rows_of(sql) == [(1, "en", "O'B),("), (2, "de", "x'y"), (3, "fr", "")]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (b"no table here", "no CREATE TABLE"),
        ("INSERT INTO `langlinks` VALUES (1,'en');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a','b');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a'),(2,'en','b", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES ('x','en','a');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` (`ll_lang`, `ll_from`) VALUES ('x',1);\n", "INSERT lists columns"),
    ],
)
def test_what_is_no_row_is_an_error_with_its_place_and_never_a_guess(sql: str | bytes, message: str) -> None:
    with pytest.raises(SqlError, match=rf"x\.sql, decompressed byte \d+: .*{message}"):
        rows_of(sql)


def test_columns_are_chosen_by_name_and_rows_by_value() -> None:
    sql = "INSERT INTO `langlinks` VALUES (1,'en','a'),(2,'de','b'),(3,'en','c');\n"
    assert rows_of(sql, columns=["ll_title", "ll_from"], where={"ll_lang": {"en"}}) == [("a", 1), ("c", 3)]
    with pytest.raises(SqlError, match="no column 'll_target'; its columns are ll_from, ll_lang, ll_title"):
        rows_of(sql, columns=["ll_target"])


def test_bytes_that_are_not_utf8_become_replacement_characters() -> None:
    data = HEAD.encode() + b"INSERT INTO `langlinks` VALUES (1,'en','caf\xe9 \xe6\x97');\n"
    assert rows_of(data) == [(1, "en", "caf\ufffd \ufffd")]


def test_a_real_langlinks_table_is_read_to_the_row(shared_data) -> None:
    rows = english = empty = 0
    for batch in read_table(shared_data / "sql" / "avwiki-20171202-langlinks.sql.gz"):
        rows += batch.num_rows
        english += batch.column("ll_lang").to_pylist().count("en")
        empty += batch.column("ll_title").to_pylist().count("")
    assert (rows, english, empty) == (350_320, 3_290, 147)


@pytest.mark.parametrize(
    ("table", "rows", "column"), [("page", 10, "page_random"), ("redirect", 138, "rd_fragment"), ("page_props", 14, "pp_value")]
)
def test_other_real_tables_are_read_by_their_own_columns(shared_data, table: str, rows: int, column: str) -> None:
    path = shared_data / "sql" / "kwnlp-enwiki-20210701" / f"enwiki-20210701-{table}.sql.gz"
    batches = list(read_table(path))
    assert sum(batch.num_rows for batch in batches) == rows
    assert column in batches[0].schema.names
