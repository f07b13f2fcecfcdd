"""The data source `mediawiki-sql`, read by a real Spark from real files."""

import doctest
import shutil
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

import spark_jobs.sources.mediawiki_sql_source
from spark_jobs.dumps.sql.table_reader import read_table

LANGLINKS = "eswiki-20240101-langlinks.sql.gz"


def rows(session: SparkSession, path: object, **options: object) -> DataFrame:
    return session.read.format("mediawiki-sql").options(**options).load(str(path))  # type: ignore[arg-type]


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.sources.mediawiki_sql_source).failed == 0


def table_rows(path: Path, **options: object) -> list[dict]:
    return [row for batch in read_table(path, **options) for row in batch.to_pylist()]  # type: ignore[arg-type]


def test_the_source_gives_the_rows_of_the_reader(session, sample) -> None:
    path = sample / "dumps" / LANGLINKS
    frame = rows(session, path)
    assert frame.dtypes == [("ll_from", "bigint"), ("ll_lang", "string"), ("ll_title", "string")]
    assert [row.asDict() for row in frame.collect()] == table_rows(path)
    chosen = rows(session, path, columns="ll_title,ll_from", where="ll_lang=en")
    assert [row.asDict() for row in chosen.collect()] == table_rows(
        path, columns=["ll_title", "ll_from"], where={"ll_lang": ["en"]}
    )


def test_the_column_file_distinguishes_the_tables_of_several_wikis(session, sample) -> None:
    frame = rows(session, sample / "dumps", columns="file,ll_from", where="ll_lang=en")
    assert frame.rdd.getNumPartitions() == 2
    found = {row.file: row["count"] for row in frame.groupBy("file").count().collect()}
    folder = sample / "dumps"
    assert found == {
        path.name: len(table_rows(path, where={"ll_lang": ["en"]})) for path in sorted(folder.glob("*-langlinks.sql.gz"))
    }
    assert rows(session, sample / "dumps", columns="file").count() == sum(map(len, map(table_rows, folder.glob("*.sql.gz"))))


def test_a_table_without_rows_has_its_columns(session, tmp_path) -> None:
    (tmp_path / "x.sql").write_text("CREATE TABLE `t` (\n  `a` int,\n  `b` double\n) ENGINE=X;\n", encoding="utf-8")
    frame = rows(session, tmp_path / "x.sql")
    assert (frame.dtypes, frame.collect()) == ([("a", "bigint"), ("b", "double")], [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "PERMISSIVE"}, "unknown option 'mode'; the options are path, paths, columns, where"),
        ({"columns": "ll_to"}, "columns: 'll_to' is none of ll_from, ll_lang, ll_title, file"),
        ({"where": "ll_lang"}, "where: 'll_lang' is not column=value,value with a column among ll_from, ll_lang, ll_title"),
        ({"where": "lang=en"}, "where: 'lang=en' is not column=value,value"),
        ({"where": "ll_from=x"}, "where: 'll_from=x': column 'll_from' is int64: invalid literal"),
        ({"where": "ll_lang=en;ll_lang=ja"}, "where: 'll_lang' occurs twice"),
    ],
)
def test_wrong_options_are_refused(session, sample, options, message) -> None:
    with pytest.raises(Exception, match=message):
        rows(session, sample / "dumps" / LANGLINKS, **options)


def test_malformed_tables_and_rows_raise(session, tmp_path) -> None:
    create = "CREATE TABLE `t` (\n  `a` int,\n  `b` varchar(9)\n) ENGINE=X;\n"
    (tmp_path / "x.sql").write_text(create + "INSERT INTO `t` VALUES (1);\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"x\.sql, decompressed byte \d+"):
        rows(session, tmp_path / "x.sql").collect()
    (tmp_path / "y.sql").write_text("nothing", encoding="utf-8")
    with pytest.raises(Exception, match=r"y\.sql, decompressed byte 0: expected a statement or a comment of a table dump"):
        rows(session, tmp_path / "y.sql")
    (tmp_path / "z.sql").write_text(create.replace("int", "text"), encoding="utf-8")
    (tmp_path / "x.sql").write_text(create, encoding="utf-8")
    (tmp_path / "y.sql").unlink()
    with pytest.raises(Exception, match=r"z\.sql: column 'a' is string, in the first file int64"):
        rows(session, tmp_path).collect()


def test_different_tables_in_one_folder_are_not_mixed(session, tmp_path, sample) -> None:
    shutil.copy(sample / "dumps" / LANGLINKS, tmp_path)
    shutil.copy(sample / "dumps" / LANGLINKS, tmp_path / LANGLINKS.replace("langlinks", "page"))
    with pytest.raises(Exception, match="are different tables: choose one"):
        rows(session, tmp_path)


def test_a_real_table_is_read_to_the_row(session, shared_data) -> None:
    frame = rows(session, shared_data / "sql" / "avwiki-20171202-langlinks.sql.gz", where="ll_lang=en,de", columns="ll_lang")
    assert {row.ll_lang: row["count"] for row in frame.groupBy("ll_lang").count().collect()}["en"] == 3_290


def test_a_file_in_two_folders_is_refused(session, dump, tmp_path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(dump.with_name(LANGLINKS), tmp_path / folder)
    with pytest.raises(Exception, match="is there twice: choose one folder"):
        rows(session, tmp_path / "*" / LANGLINKS).collect()


def test_blanks_in_a_condition_are_ignored(session, dump) -> None:
    table = dump.with_name(LANGLINKS)
    assert rows(session, table, where="ll_lang = en, ja").count() == rows(session, table, where="ll_lang=en,ja").count() > 60
