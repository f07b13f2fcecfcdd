"""The statements of a SQL dump: the columns of its table, and where its rows begin."""

import pytest

from spark_jobs.dumps.sql.sql_cursor import SqlError

from .sql_dumps import SIZES, rows_of, table_of


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


def test_an_insert_may_reorder_its_columns_and_omit_unwanted_ones() -> None:
    sql = (
        "INSERT INTO `langlinks` (`ll_lang`,`ll_from`) VALUES ('en',1),('de',2);\nINSERT INTO `langlinks` VALUES (3,'en','x');\n"
    )
    assert rows_of(sql, columns=["ll_from", "ll_lang"], where={"ll_lang": ["en"]}) == [(1, "en"), (3, "en")]


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
