"""The rows of an INSERT: every spelling of a literal, every type of column, and the rows that a condition keeps."""

import pytest

from spark_jobs.dumps.sql.sql_cursor import SqlError

from .sql_dumps import HEAD, SIZES, rows_of, table_of


def test_an_integer_beyond_64_bits_is_an_error() -> None:
    with pytest.raises(SqlError, match=r"column a holds a number that does not fit int64: .*18446744073709551615"):
        table_of("  `a` bigint(20) unsigned", "INSERT INTO `t` VALUES (18446744073709551615);")


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


def test_a_row_larger_than_the_window_is_read_and_one_without_end_is_refused(monkeypatch) -> None:
    title = "x" * 1_000_000 + "'),(1,'en','"
    escaped = title.replace("'", r"\'")
    assert rows_of(f"INSERT INTO `langlinks` VALUES (1,'en','{escaped}'),(2,'de','y');\n") == [(1, "en", title), (2, "de", "y")]
    monkeypatch.setattr("spark_jobs.dumps.sql.insert_rows._MAX_ROW_BYTES", 2**18)
    with pytest.raises(SqlError, match=f"decompressed byte {len(HEAD) + 31}: expected a row"):
        rows_of(f"INSERT INTO `langlinks` VALUES (1,'en','{escaped}'),(2,'de','y');\n")
