"""The window on a SQL dump, and the offsets in its errors."""

import bz2
import io
import re

import pytest

from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.sql.sql_cursor import SqlCursor, SqlError
from spark_jobs.dumps.sql.table_reader import read_rows

WORD = re.compile(rb"[a-z]+;")


@pytest.fixture(autouse=True)
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.sql.sql_cursor._READ_BYTES", 3)


def test_an_error_has_the_offset_and_the_bytes_at_the_position() -> None:
    cursor = SqlCursor(io.BytesIO(b"ab;cd;" + b"1" * 100), "x.sql")
    assert [cursor.take(WORD, "a word")[0] for _ in range(2)] == [b"ab;", b"cd;"]
    with pytest.raises(SqlError) as error:
        cursor.take(WORD, "a word")
    assert str(error.value) == f"x.sql, decompressed byte 6: expected a word: {b'1' * 80!r}"
    assert str(cursor.error("bad")) == f"x.sql, decompressed byte 6: bad: {b'1' * 80!r}"


def test_a_statement_without_end_is_refused_before_the_file_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.sql.sql_cursor.MAX_STATEMENT_BYTES", 50)
    file = io.BytesIO(b"a" * 10_000)
    with pytest.raises(SqlError, match="decompressed byte 0: expected a word"):
        SqlCursor(file, "x.sql").take(WORD, "a word")
    assert len(file.read()) >= 9_900


def test_a_file_that_is_cut_is_named() -> None:
    cursor = SqlCursor(bz2.BZ2File(io.BytesIO(bz2.compress(b"ab;")[:-4])), "x.sql.bz2")
    assert cursor.read_more()
    with pytest.raises(SqlError, match=r"^x\.sql\.bz2 cannot be decompressed to its end \(.*\): is it a whole download\?$"):
        cursor.read_more()


def test_the_window_drops_bytes_before_the_position_and_grows_with_those_behind_it() -> None:
    cursor = SqlCursor(io.BytesIO(b"abcdefghijk"), "x.sql")
    assert (cursor.read_more(), cursor.buffer) == (True, b"abc")
    cursor.position = 2
    assert (cursor.read_more(), cursor.buffer, cursor.position) == (True, b"cdef", 0)
    assert (cursor.read_more(), cursor.buffer) == (True, b"cdefghij")
    assert (cursor.read_more(), cursor.read_more(), cursor.buffer) == (True, False, b"cdefghijk")


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_an_empty_file_of_any_form_is_named_as_empty(ending: str) -> None:
    with pytest.raises(SqlError, match=rf"^t\.sql{ending} is empty; download it again$"):
        list(read_rows(open_decompressed(io.BytesIO(), f"t.sql{ending}"), f"t.sql{ending}"))
