"""The benchmark of SQL readers: lost and wrong rows, and times of whole reads."""

import gzip
import json
from types import SimpleNamespace

import pytest

SQL = r"""-- MySQL dump
CREATE TABLE `langlinks` (
  `ll_from` int(8) unsigned NOT NULL DEFAULT '0',
  `ll_lang` varbinary(20) NOT NULL DEFAULT '',
  `ll_title` varbinary(255) DEFAULT NULL,
  PRIMARY KEY (`ll_from`,`ll_lang`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
/*!40000 ALTER TABLE `langlinks` DISABLE KEYS */;
INSERT INTO `langlinks` VALUES (1,'en','Tea'),(2,'en','a),(b'),(3,'de',NULL),(4,'de','O\'x');
INSERT INTO `langlinks` VALUES (5,'en','104-2,3,(6),(7),11');
/*!40000 ALTER TABLE `langlinks` ENABLE KEYS */;
-- Dump completed
"""
ENGLISH = ("ll_lang", "en")


@pytest.fixture(scope="module")
def benchmark(repository):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "benchmarks")
        import sql

    return SimpleNamespace(**vars(sql))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "avwiki-langlinks.sql.gz"
    path.write_bytes(gzip.compress(SQL.encode()))
    return path


def test_a_reader_that_fails_loses_all_rows_and_is_not_timed(benchmark, table) -> None:
    def fail(path, condition):
        raise RecursionError("too deep")

    readers = [benchmark.MeasuredReader("broken", "broken", fail, fail, True), benchmark.make_readers(None)[0]]
    figures = benchmark.check_readers(table, readers, ENGLISH)
    benchmark.measure_readers(table, readers, ENGLISH, 1, figures)
    assert figures["broken"] == benchmark.ReaderFigures(lost=3, failure="RecursionError('too deep')")
    assert (figures["ours"].rows, figures["ours"].lost, figures["ours"].wrong) == (5, 0, 0)
    assert 0 < figures["ours"].seconds < 60


def test_lost_and_wrong_rows_are_counted(benchmark, table) -> None:
    rows = [(1, "en", "Tea"), (2, "en", "a"), (5, "en", "104-2,3,(6),(7),11")]
    reader = benchmark.MeasuredReader("x", "x", lambda path, where: 3, lambda path, where: iter(rows), True)
    assert benchmark.check_readers(table, [reader], ENGLISH)["x"] == benchmark.ReaderFigures(rows=3, lost=1, wrong=1)


def test_rows_are_replicated_between_the_same_statements(benchmark, table, tmp_path_factory) -> None:
    copy = benchmark.replicate_rows(table, 3, tmp_path_factory.mktemp("copy"))
    text = gzip.decompress(copy.read_bytes()).decode()
    assert (text.count("CREATE TABLE"), text.count("INSERT INTO"), text.count("Dump completed")) == (1, 6, 1)


def test_a_condition_has_the_type_of_its_column_and_is_none_without_the_column(benchmark, table) -> None:
    assert benchmark.parse_condition("ll_lang=en", table) == ENGLISH
    assert benchmark.parse_condition("ll_from=7", table) == ("ll_from", 7)
    assert benchmark.parse_condition("page_id=7", table) is None
    with pytest.raises(Exception, match="expected COLUMN=VALUE"):
        benchmark.parse_condition("en", table)


def test_the_command_prints_the_table_and_writes_the_same_figures(benchmark, table, tmp_path, capsys) -> None:
    pytest.importorskip("mwsql")
    benchmark.main([table], repeat=1, times=2, json_out=tmp_path / "out.json", markdown=True)
    tools = json.loads((tmp_path / "out.json").read_text())["files"][table.name]["tools"]
    rows = {cells[1].strip(): cells[4:-1] for cells in (line.split("|") for line in capsys.readouterr().out.splitlines()[2:8])}
    assert list(rows) == list(tools)
    assert [cell.strip() for cell in rows["ours"]] == ["5", "0", "0"]
    assert [cell.strip() for cell in rows["ours, ll_lang = en"]] == ["3", "0", "0"]
    # It drops `),(` from 'a),(b' and from the title of numbers.
    assert [cell.strip() for cell in rows["mwsql"]] == ["5", "2", "2"]
