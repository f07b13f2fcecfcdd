"""Random and real SQL tables give the same rows as an independent reader that reads one character at a time."""

import io
import random

import pytest

from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.sql.table_reader import read_rows, read_table

HEAD = "CREATE TABLE `langlinks` (\n  `ll_from` int,\n  `ll_lang` varbinary(20),\n  `ll_title` varbinary(255)\n);\n"


@pytest.fixture(scope="module")
def read_slowly(repository):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "benchmarks")
        from peers.slow_sql_reader import read_slowly
    return read_slowly


def read_tuples(sql: str, **options) -> list[tuple]:
    batches = read_rows(io.BytesIO((HEAD + sql).encode()), "x.sql", **options)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize("seed", range(20))
def test_random_rows_match_the_slow_reader(seed, read_slowly, monkeypatch) -> None:
    chooser = random.Random(seed)
    monkeypatch.setattr("spark_jobs.dumps.sql.sql_cursor._READ_BYTES", chooser.randint(1, 300))
    pieces = [*"a'\\\",;(\n\0日", "),(", "en", "NULL", "\r\n", "--", "/*", "` VALUES (1,'en','x');\n"]

    def text() -> str:
        value = "".join(chooser.choices(pieces, k=chooser.randint(0, 6)))
        quote = chooser.choice(["''", r"\'"])
        escaped = value.replace("\\", r"\\").replace("'", quote).replace("\0", r"\0")
        return "'" + (escaped.replace("\n", r"\n") if chooser.random() < 0.5 else escaped) + "'"

    def row() -> str:
        language = text() if chooser.random() < 0.3 else chooser.choice(["'en'", "'de'", r"'\en'"])
        return f"({chooser.randint(-9, 9)},{language},{'NULL' if chooser.random() < 0.2 else text()})"

    def statement() -> str:
        rows = chooser.choice([",", ",\n"]).join(row() for _ in range(chooser.randint(1, 9)))
        return f"INSERT INTO `langlinks` VALUES {rows};\n"

    sql = "".join(statement() for _ in range(30))
    truth = read_slowly(sql.encode())
    assert len(truth) > 30
    assert read_tuples(sql) == truth
    assert read_tuples(sql, where={"ll_lang": ["en", "'"]}) == [row for row in truth if row[1] in ("en", "'")]
    assert read_tuples(sql, where={"ll_from": [3, -3]}) == [row for row in truth if abs(row[0]) == 3]


def test_a_real_langlinks_table_is_read_to_the_row(shared_data) -> None:
    path = shared_data / "sql" / "avwiki-20171202-langlinks.sql.gz"
    rows = english = empty = 0
    for batch in read_table(path):
        rows += batch.num_rows
        english += batch.column("ll_lang").to_pylist().count("en")
        empty += batch.column("ll_title").to_pylist().count("")
    assert (rows, english, empty) == (350_320, 3_290, 147)
    kept = [row for batch in read_table(path, where={"ll_lang": ["en"]}) for row in batch.to_pylist()]
    assert (len(kept), {row["ll_lang"] for row in kept}) == (3_290, {"en"})
    assert sum(batch.num_rows for batch in read_table(path, where={"ll_title": [""]})) == 147


REAL = {
    "avwiki-20171202-langlinks": (350_320, {"ll_lang": ["en", "ja"]}),
    "avwiki-20171202-page": (8_804, {"page_namespace": [10]}),
    "kwnlp-enwiki-20210701/enwiki-20210701-page": (10, {"page_restrictions": [""]}),
    "kwnlp-enwiki-20210701/enwiki-20210701-page_props": (14, {"pp_sortkey": [None]}),
    "kwnlp-enwiki-20210701/enwiki-20210701-redirect": (138, {"rd_fragment": [""]}),
}


@pytest.mark.parametrize("name", REAL)
def test_real_tables_of_all_ages_match_the_slow_reader(shared_data, read_slowly, name) -> None:
    path = shared_data / "sql" / f"{name}.sql.gz"
    count, where = REAL[name]
    batches = list(read_table(path))
    names = batches[0].schema.names
    truth = read_slowly(open_decompressed(path.open("rb"), path.name).read())
    rows = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    assert len(truth) == len(rows) == count
    assert rows == truth
    ((column, values),) = where.items()
    kept = [tuple(row.values()) for batch in read_table(path, where=where) for row in batch.to_pylist()]
    assert kept == [row for row in rows if row[names.index(column)] in values]
    assert len(kept) > 0
