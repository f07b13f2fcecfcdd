"""SQL tables are read to the byte: every spelling of a literal, every kind of table; malformed rows raise."""

import bz2
import doctest
import gzip
import io
import re

import pytest

import spark_jobs.dumps.sql.sql_literals
from spark_jobs.dumps.sql.sql_cursor import SqlError
from spark_jobs.dumps.sql.table_reader import read_rows, read_table

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


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.sql.sql_literals).failed == 0


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (b"", "no CREATE TABLE"),
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


def test_an_integer_beyond_64_bits_is_an_error() -> None:
    with pytest.raises(SqlError, match=r"column a holds a number that does not fit int64: .*18446744073709551615"):
        table_of("  `a` bigint(20) unsigned", "INSERT INTO `t` VALUES (18446744073709551615);")


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
    ("literal", "title"),
    [
        ("'Albert Einstein'", "Albert Einstein"),
        (r"'O\'Brien'", "O'Brien"),
        ("'O''Brien'", "O'Brien"),
        ("''''", "'"),
        ("''''''", "''"),
        (r"'\''", "'"),
        (r"'\\\''", "\\'"),
        ("'104-2,3,(6),(7),11'", "104-2,3,(6),(7),11"),
        ("'a),(b'", "a),(b"),
        (r"'a),(1,\'en\',\'b'", "a),(1,'en','b"),
        ("'a'',''en'',''b'", "a','en','b"),
        (r"'C:\\dir\\'", "C:\\dir\\"),
        (r"'\\\\'", "\\\\"),
        (r"'say \"hi\"'", 'say "hi"'),
        (r"'a\nb\tc\0d\Ze\rf\bg\qh'", "a\nb\tc\0d\x1ae\rf\bgqh"),
        ("'a\nb'", "a\nb"),
        ("'a\r\nb'", "a\r\nb"),
        ("';\nINSERT INTO `langlinks` VALUES '", ";\nINSERT INTO `langlinks` VALUES "),
        ("''", ""),
        ("NULL", None),
        ("null", None),
        ("'NULL'", "NULL"),
        ("'日本'", "日本"),
        ("_binary 'x'", "x"),
        (r"_binary 'O\'x'", "O'x"),
        ("_BINARY'x'", "x"),
        ("0x4F4B", "OK"),
        ("0xe697a5", "日"),
        ("0x927", "\t'"),
        ("x'4f4b'", "OK"),
        ("X''", ""),
        # https://dev.mysql.com/doc/refman/8.0/en/string-literals.html: outside of patterns they are the sequences themselves.
        (r"'100\% \_'", r"100\% \_"),
        ("'<!-- -- # /* `'", "<!-- -- # /* `"),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_titles_are_read_exactly_for_any_window(literal, title, size, monkeypatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.sql.sql_cursor._READ_BYTES", size)
    sql = f"INSERT INTO `langlinks` VALUES (1,'en',{literal}),(2,'de','z'),(3,'fr',{literal});\n"
    rows = [(1, "en", title), (2, "de", "z"), (3, "fr", title)]
    assert rows_of(sql) == rows
    assert rows_of(sql, where={"ll_lang": ["de"]}) == rows[1:2]
    assert rows_of(sql, where={"ll_lang": ["fr", "en"]}) == rows[::2]
    assert rows_of(sql, where={"ll_title": [title]}) == rows[::2]
    assert rows_of(sql, where={"ll_title": ["z"]}) == rows[1:2]
    assert rows_of(sql, columns=["ll_from"], where={"ll_title": ["z", title], "ll_lang": ["fr"]}) == [(3,)]


def test_bytes_that_are_not_utf8_become_replacement_characters() -> None:
    data = HEAD.encode() + b"INSERT INTO `langlinks` VALUES (1,'en','caf\xe9 \xe6\x97'),(2,'de',0xFF),(3,'fr','a');\n"
    rows = [(1, "en", "caf\ufffd \ufffd"), (2, "de", "\ufffd"), (3, "fr", "a")]
    assert rows_of(data) == rows
    assert rows_of(data, where={"ll_title": ["caf\ufffd \ufffd"]}) == rows[:1]
    assert rows_of(data, where={"ll_title": ["\ufffd"]}) == rows[1:2]


@pytest.mark.parametrize(
    "between",
    [
        "NEXT",
        "\nNEXT",
        "\r\n\r\nINSERT INTO `langlinks` VALUES\r\n",
        "\ninsert into langlinks values ",
        "\nINSERT  IGNORE INTO `langlinks` VALUES ",
        "\nREPLACE INTO `langlinks` VALUES ",
        "\nINSERT INTO `wiki`.`langlinks` VALUES ",
        "\nINSERT INTO `langlinks` (`ll_from`, `ll_lang`, `ll_title`) VALUES ",
        "\nINSERT INTO `langlinks` (ll_from,ll_lang,ll_title)VALUES",
        "\n-- it's\n# one\n/* 'x */ NEXT",
        "/*!40000 ALTER TABLE `langlinks` ENABLE KEYS */;\nNEXT",
        "\nUNLOCK TABLES;\nSET @a = ';';\nNEXT",
        "\nALTER TABLE `langlinks` COMMENT 'it''s; INSERT INTO';\nNEXT",
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_rows_are_read_behind_anything_allowed_between_statements(between, size, monkeypatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.sql.sql_cursor._READ_BYTES", size)
    between = between.replace("NEXT", "INSERT INTO `langlinks` VALUES ")
    values = f"(1,'en','a');{between}(2,'de','b'),\n(3,'en','c') ;{between}(4,'fr','d')"
    sql = f"INSERT INTO `langlinks` VALUES {values};\n-- Dump completed"
    rows = [(1, "en", "a"), (2, "de", "b"), (3, "en", "c"), (4, "fr", "d")]
    assert rows_of(sql) == rows
    assert rows_of(sql, where={"ll_lang": ["en"]}) == rows[::2]
    assert rows_of(sql, where={"ll_lang": ["fr"]}) == rows[3:]


@pytest.mark.parametrize(
    "end", ["", "\n-- Dump completed on 2017-12-02  4:03:03\n", "/*!40000 ALTER TABLE `t` ENABLE KEYS */;\n"]
)
def test_a_table_without_rows_gives_none(end) -> None:
    assert rows_of(end) == []
    assert rows_of("INSERT INTO `langlinks` VALUES (1,'en','a');" + end, where={"ll_lang": ["x"]}) == []


def test_an_insert_may_reorder_its_columns_and_omit_unwanted_ones() -> None:
    sql = (
        "INSERT INTO `langlinks` (`ll_lang`,`ll_from`) VALUES ('en',1),('de',2);\nINSERT INTO `langlinks` VALUES (3,'en','x');\n"
    )
    assert rows_of(sql, columns=["ll_from", "ll_lang"], where={"ll_lang": ["en"]}) == [(1, "en"), (3, "en")]


@pytest.mark.parametrize(
    ("definition", "literal", "value"),
    [
        ("int(11)", "-7", -7),
        ("int(6) unsigned zerofill", "000042", 42),
        ("BIGINT", "-9223372036854775808", -(2**63)),
        ("tinyint(1)", "NULL", None),
        ("year(4)", "2017", 2017),
        ("double unsigned", "0.49214563843993997", 0.49214563843993997),
        ("double", "-1.5e-07", -1.5e-07),
        ("double", "1e20", 1e20),
        ("float", "3", 3.0),
        ("float", "NULL", None),
        ("decimal(10,2)", "-.50", -0.5),
        ("enum('a','b),(c')", "'b),(c'", "b),(c"),
        ("set('page','subcat')", "'page,subcat'", "page,subcat"),
        ("timestamp", "'2017-12-02 04:03:03'", "2017-12-02 04:03:03"),
        ("binary(14)", r"'20171202040303'", "20171202040303"),
        ("mediumblob", r"'a:1:{s:1:\"x\";}'", 'a:1:{s:1:"x";}'),
    ],
)
def test_columns_become_values_of_their_types(definition, literal, value) -> None:
    rows = table_of(f"  `k` int,\n  `a` {definition} DEFAULT NULL", f"INSERT INTO `t` VALUES (1,{literal}),(2,NULL);")
    assert rows == [(1, value), (2, None)]
    assert type(rows[0][1]) is type(value)


def test_keys_comments_and_generated_columns_are_not_columns() -> None:
    definitions = """\
  `a` int(8) NOT NULL COMMENT 'it''s, (not) AS (\\'x\\'\n  `b` int',
  `KEY` enum('x','y),(') CHARACTER SET utf8 DEFAULT 'x',
  `c` int(11) GENERATED ALWAYS AS (`a` + length(concat(`KEY`,','))) VIRTUAL,
  d decimal(10,2) DEFAULT 1.00 CHECK (d > 0),
  PRIMARY KEY (`a`),
  UNIQUE KEY `k` (`KEY`(10),`a`),
  KEY `l` (`a`) COMMENT 'x',
  FULLTEXT KEY `f` (`KEY`),
  CONSTRAINT `g` FOREIGN KEY (`a`) REFERENCES `t` (`a`),
  key m (d)"""
    listed = "INSERT INTO `t` (`a`, `KEY`, `d`) VALUES (1,'x',2.5);"
    assert table_of(definitions, listed) == [(1, "x", 2.5)]
    assert table_of(definitions, "INSERT INTO `t` VALUES (1,'x',DEFAULT,2.5),(2,'y',5,1);") == [(1, "x", 2.5), (2, "y", 1.0)]
    for options in ({"columns": ["c"]}, {"where": {"c": [1]}}):
        with pytest.raises(SqlError, match="column 'c' is computed by the database"):
            table_of(definitions, listed, **options)


def test_a_table_may_be_written_on_one_line_in_lower_case() -> None:
    sql = b"create table if not exists wiki.t (a int, b varchar(3) default 'x', primary key (a)); insert into t values (1,'y');"
    assert rows_of(sql) == [(1, "y")]


def test_columns_are_chosen_by_name_and_rows_by_value() -> None:
    sql = "INSERT INTO `langlinks` VALUES (1,'en','a'),(2,'de','b'),(3,'en','c');\n"
    assert rows_of(sql, columns=["ll_title", "ll_from"], where={"ll_lang": {"en"}}) == [("a", 1), ("c", 3)]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"n": [10]}, [0, 1]),
        ({"n": [-10]}, [2]),
        ({"n": [0]}, [3, 4]),
        ({"n": [1]}, []),
        ({"n": [None]}, [5]),
        ({"n": [None, 100]}, [5, 6]),
        ({"n": []}, []),
        ({"s": ["en"]}, [0, 1, 2]),
        ({"s": ["e"]}, [3]),
        ({"s": [""]}, [4]),
        ({"s": [None]}, [5]),
        ({"s": ["NULL"]}, [6]),
        ({"s": ["O'B\\n", "\n"]}, [7, 8]),
        ({"s": ["e.", "[", "en|e"]}, []),
        ({"s": []}, []),
        ({"f": [0.5]}, [0, 1, 2]),
        ({"f": [None]}, [5]),
        ({"s": ["en"], "n": [10, 0]}, [0, 1]),
        ({"n": [10], "s": ["e", "en"], "f": [0.5]}, [0, 1]),
        ({"n": range(-1000, 1000), "s": ["en"]}, [0, 1, 2]),
        ({}, list(range(9))),
    ],
)
def test_a_condition_keeps_every_spelling_of_its_value(where, kept) -> None:
    rows = [
        "(10,'en',0.5)",
        r"(0010,'\en',.5)",
        "(-10,0x656e,5e-1)",
        "(0,'e',1)",
        "(-0,'',1)",
        "(NULL,NULL,NULL)",
        "(100,'NULL',1)",
        r"(7,'O''B\\n',1)",
        r"(8,'\n',1)",
    ]
    sql = f"INSERT INTO `t` VALUES {','.join(rows)};"
    definitions = "  `n` int,\n  `s` varbinary(9),\n  `f` double"
    everything = table_of(definitions, sql)
    assert table_of(definitions, sql, where=where) == [everything[index] for index in kept]


def test_batches_have_at_most_65536_rows_and_none_is_empty() -> None:
    rows = ",".join(f"({number},'{'en' if number % 90_000 == 0 else 'de'}','x')" for number in range(150_000))
    data = f"{HEAD}INSERT INTO `langlinks` VALUES {rows};".encode()
    for where in (None, {"ll_lang": ["en"]}, {"ll_lang": ["de"]}):
        batches = list(read_rows(io.BytesIO(data), "x.sql", where=where))
        assert all(0 < batch.num_rows <= 65_536 for batch in batches)
        assert sum(batch.num_rows for batch in batches) == {None: 150_000, "en": 2, "de": 149_998}[where and where["ll_lang"][0]]


def test_a_row_larger_than_the_window_is_read_and_one_without_end_is_refused(monkeypatch) -> None:
    title = "x" * 1_000_000 + "'),(1,'en','"
    escaped = title.replace("'", r"\'")
    assert rows_of(f"INSERT INTO `langlinks` VALUES (1,'en','{escaped}'),(2,'de','y');\n") == [(1, "en", title), (2, "de", "y")]
    monkeypatch.setattr("spark_jobs.dumps.sql.insert_rows._MAX_ROW_BYTES", 2**18)
    with pytest.raises(SqlError, match=f"decompressed byte {len(HEAD) + 31}: expected a row"):
        rows_of(f"INSERT INTO `langlinks` VALUES (1,'en','{escaped}'),(2,'de','y');\n")
