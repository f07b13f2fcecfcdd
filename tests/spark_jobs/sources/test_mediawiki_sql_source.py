"""The data source `mediawiki-sql`, read by a real Spark from real files."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.dumps.sql.table_reader import read_table

from .page_frames import plan_of

LANGLINKS = "eswiki-20240101-langlinks.sql.gz"


def rows(session: SparkSession, path: object, **options: object) -> DataFrame:
    return session.read.format("mediawiki-sql").options(**options).load(str(path))  # type: ignore[arg-type]


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
        ({"mode": "PERMISSIVE"}, "unknown option 'mode'; the options are path, paths, columns, where, pushFilters"),
        ({"pushFilters": "yes"}, "pushFilters: 'yes' is neither true nor false"),
        ({"columns": "ll_to"}, "columns: 'll_to' is none of ll_from, ll_lang, ll_title, file"),
        ({"where": "lang=en"}, "where: 'lang=en' does not begin with a column; .*columns are ll_from, ll_lang, ll_title"),
        ({"where": "ll_lang=en AND ll_from=13"}, "where: ll_lang: 'en AND ll_from=13' has 'AND', which is not understood"),
        ({"where": "ll_lang==en"}, "where: 'll_lang==en' has the operator '=='"),
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


def test_quotes_and_blanks_in_a_condition_are_ignored(session, dump) -> None:
    table = dump.with_name(LANGLINKS)
    for quoted in ("ll_lang='en'", 'll_lang="en"', "ll_lang = 'en' ;"):
        assert rows(session, table, where=quoted).collect() == rows(session, table, where="ll_lang=en").collect() != []
    assert rows(session, table, where="ll_lang = en, ja").count() == rows(session, table, where="ll_lang=en,ja").count() > 60


@pytest.fixture(scope="module")
def everything(session, dump):
    """The rows of the table, as a frame whose filters Spark evaluates."""
    frame = rows(session, dump.with_name(LANGLINKS))
    return session.createDataFrame(frame.collect(), frame.schema).coalesce(1).cache()


@pytest.mark.parametrize(
    ("condition", "pushed", "left"),
    [
        ("ll_lang = 'en'", "IsNotNull(ll_lang), EqualTo(ll_lang,en)", False),
        ("ll_lang in ('en', 'ja', null) and ll_from = 7", "EqualTo(ll_from,7), In(ll_lang, [en,ja,null])", False),
        ("ll_lang is null", "IsNull(ll_lang)", False),
        ("ll_lang = 'en' and ll_lang = 'ja'", "", False),
        ("ll_lang = 'e\\'n'", "EqualTo(ll_lang,e'n)", False),
        ("ll_title = '' or ll_lang = 'en'", "", True),
        ("ll_lang != 'en'", "", True),
        ("ll_from > 3 and ll_lang = 'fr'", "EqualTo(ll_lang,fr)", True),
    ],
)  # fmt: skip
def test_filters_give_the_rows_that_spark_would_keep(pushing, dump, everything, condition: str, pushed: str, left: bool) -> None:
    filtered = rows(pushing, dump.with_name(LANGLINKS), pushFilters="true").where(condition)
    assert filtered.collect() == everything.where(condition).collect()
    taken, has_filter = plan_of(filtered)
    assert set(pushed.split(", ")) <= set(taken.split(", ")) or not pushed
    assert has_filter is left


def test_a_filter_and_the_option_where_hold_together(pushing, dump) -> None:
    table = dump.with_name(LANGLINKS)
    options = {"where": "ll_lang=en,ja", "pushFilters": "true"}
    japanese = rows(pushing, table, where="ll_lang=ja").collect()
    assert rows(pushing, table, **options).where("ll_lang in ('ja', 'fr')").collect() == japanese != []
    assert rows(pushing, table, **options).where("ll_lang = 'fr'").collect() == []


def test_queries_on_one_frame_do_not_share_their_filters(pushing, dump) -> None:
    table = dump.with_name(LANGLINKS)
    frame = rows(pushing, table)
    assert 0 < frame.where("ll_lang = 'en'").count() < frame.count() == len(table_rows(table))


def test_numbers_with_a_fraction_and_the_column_file_are_filtered_by_spark(pushing, tmp_path) -> None:
    create = (
        "CREATE TABLE `t` (\n  `a` double,\n  `file` int\n) ENGINE=X;\nINSERT INTO `t` VALUES (-0.0,1),(0,2),(1.50,3),(NULL,4);\n"
    )
    (tmp_path / "x.sql").write_text(create, encoding="utf-8")

    def frame() -> DataFrame:
        return rows(pushing, tmp_path / "x.sql", pushFilters="true")

    assert [row.file for row in frame().where("a = 0").collect()] == [1, 2]
    assert [row.file for row in frame().where("a = 1.5").collect()] == [3]
    assert [row.a for row in frame().where("file = 3").collect()] == [1.5]
    (tmp_path / "x.sql").write_text(create.replace("`file`", "`b`"), encoding="utf-8")
    named = rows(pushing, tmp_path / "x.sql", columns="b,file", pushFilters="true").where("file = 'x.sql' and b = 2")
    assert [tuple(row) for row in named.collect()] == [(2, "x.sql")]


def test_a_table_of_the_catalogue_keeps_its_options(session, dump) -> None:
    path = dump.with_name(LANGLINKS)
    session.sql(
        f"create table langlinks using `mediawiki-sql` options (path '{path}', where \"ll_lang='en'\", columns 'll_title')"
    )
    try:
        assert (
            session.sql("select * from langlinks").collect()
            == rows(session, path, where="ll_lang=en", columns="ll_title").collect()
        )
    finally:
        session.sql("drop table langlinks")
    assert path.exists()
