"""Whole SQL tables: malformed ones raise with the offset; columns are chosen by name, rows by value."""

import bz2
import gzip
import io
import re

import pytest

from spark_jobs.dumps.sql.sql_cursor import SqlError
from spark_jobs.dumps.sql.table_reader import read_rows, read_table

from .sql_dumps import HEAD, SIZES, rows_of


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (b"-- a comment\n", "no CREATE TABLE"),
        (b"no table here", "no CREATE TABLE"),
        (b"no table here;", "no CREATE TABLE"),
        (b"<html>404</html>", "expected a statement"),
        (b"INSERT INTO `langlinks` VALUES (1,'en','a');", "no CREATE TABLE"),
        (b"CREATE TABLE `t` (\n  `a` int,", "expected the rest of CREATE TABLE"),
        (b"CREATE TABLE `t` (\n  PRIMARY KEY (`a`)\n);", "has no columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a','b');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES ('x','en','a');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1.5,'en','a');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a' 'b');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en',b);\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a'),(2,'en','b", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a'),;\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a'),", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a')", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a')(2,'en','b');\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES;\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES ", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a');(2,'en','b');\n", "expected a statement"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a');\nINSERT INTO `lang", "expected INSERT INTO `table`"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a');\nINSERT", "expected a statement"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a');\n/*!40000 ALTER", "expected a statement"),
        ("INSERT INTO `langlinks` VALUES (1,'en','a') ON DUPLICATE KEY UPDATE `ll_from`=2;\n", "expected a row of 3 columns"),
        ("INSERT INTO `langlinks` SELECT * FROM `x`;\n", "expected INSERT INTO `table`"),
        ("DELETE FROM `langlinks`;\n", "expected INSERT INTO, a comment or a statement that changes no row"),
        ("INSERT INTO `page` VALUES (1,'en','a');\n", "INSERT INTO `page` before this; expected rows of `langlinks`"),
        ("CREATE TABLE `page` (`a` int);\n", "a second table behind `langlinks`"),
        (
            "INSERT INTO `langlinks` (`ll_lang`, `ll_from`) VALUES ('x',1);\n",
            "INSERT lists columns ll_lang, ll_from, without ll_title",
        ),
        (
            "INSERT INTO `langlinks` (`ll_lang`,`x`) VALUES ('x',1);\n",
            "INSERT lists columns ll_lang, x; CREATE TABLE has ll_from",
        ),
        ("INSERT INTO `langlinks` (`ll_lang`,`ll_lang`) VALUES ('x','x');\n", "INSERT lists columns ll_lang, ll_lang"),
    ],
)
@pytest.mark.parametrize("where", [None, {"ll_lang": ["de"]}])
@pytest.mark.parametrize("size", [5, 2**18])
def test_malformed_rows_raise_with_their_offset(sql, message, where, size, monkeypatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.sql.sql_cursor._READ_BYTES", size)
    with pytest.raises(SqlError, match=rf"x\.sql, decompressed byte \d+: .*{re.escape(message)}"):
        rows_of(sql, where=where)


@pytest.mark.parametrize("size", SIZES)
def test_the_offset_of_an_error_is_that_of_the_row_in_the_decompressed_bytes(size, monkeypatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.sql.sql_cursor._READ_BYTES", size)
    sql = "INSERT INTO `langlinks` VALUES (1,'en','a'),\n(2,'de','b'),(oops);\n"
    for where in (None, {"ll_lang": ["en"]}, {"ll_lang": ["de"]}):
        with pytest.raises(SqlError, match=rf"decompressed byte {len(HEAD) + sql.index('(oops')}: .*oops"):
            rows_of(sql, where=where)


@pytest.mark.parametrize(("ending", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_compressed_file_that_is_cut_is_an_error(ending, compress, tmp_path) -> None:
    sql = HEAD + "".join(f"INSERT INTO `langlinks` VALUES ({number},'en','{number * 7919}');\n" for number in range(5_000))
    path = tmp_path / f"x.sql{ending}"
    path.write_bytes(compress(sql.encode())[:-20])
    with pytest.raises(SqlError, match="cannot be decompressed to its end"):
        list(read_table(path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ["ll_target"]}, "no column 'll_target'; its columns are ll_from, ll_lang, ll_title"),
        ({"columns": []}, "no column is chosen"),
        ({"where": {"ll_target": ["x"]}}, "no column 'll_target'"),
        ({"where": {"ll_lang": "en"}}, "where ll_lang (string) in 'en': expected a list"),
        ({"where": {"ll_lang": [1]}}, "where ll_lang (string) in [1]"),
        ({"where": {"ll_lang": [b"en"]}}, "where ll_lang (string) in [b'en']"),
        ({"where": {"ll_lang": ["\ud800"]}}, "where ll_lang (string)"),
        ({"where": {"ll_from": ["1"]}}, "where ll_from (int64) in ['1']"),
        ({"where": {"ll_from": [2**63]}}, "where ll_from (int64)"),
    ],
)
def test_columns_and_conditions_that_the_table_lacks_are_refused(options, message) -> None:
    with pytest.raises(SqlError, match=re.escape(message)):
        rows_of("INSERT INTO `langlinks` VALUES (1,'en','a');\n", **options)


@pytest.mark.parametrize(
    "end", ["", "\n-- Dump completed on 2017-12-02  4:03:03\n", "/*!40000 ALTER TABLE `t` ENABLE KEYS */;\n"]
)
def test_a_table_without_rows_gives_none(end) -> None:
    assert rows_of(end) == []
    assert rows_of("INSERT INTO `langlinks` VALUES (1,'en','a');" + end, where={"ll_lang": ["x"]}) == []


def test_columns_are_chosen_by_name_and_rows_by_value() -> None:
    sql = "INSERT INTO `langlinks` VALUES (1,'en','a'),(2,'de','b'),(3,'en','c');\n"
    assert rows_of(sql, columns=["ll_title", "ll_from"], where={"ll_lang": {"en"}}) == [("a", 1), ("c", 3)]


def test_batches_have_at_most_65536_rows_and_none_is_empty() -> None:
    rows = ",".join(f"({number},'{'en' if number % 90_000 == 0 else 'de'}','x')" for number in range(150_000))
    data = f"{HEAD}INSERT INTO `langlinks` VALUES {rows};".encode()
    for where in (None, {"ll_lang": ["en"]}, {"ll_lang": ["de"]}):
        batches = list(read_rows(io.BytesIO(data), "x.sql", where=where))
        assert all(0 < batch.num_rows <= 65_536 for batch in batches)
        assert sum(batch.num_rows for batch in batches) == {None: 150_000, "en": 2, "de": 149_998}[where and where["ll_lang"][0]]
