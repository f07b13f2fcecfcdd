"""Large dumps made of small ones."""

import bz2
import doctest
import gzip

from spark_jobs.dumps.sql.table_reader import read_table
from spark_jobs.dumps.stream_starts import scan_streams


def test_examples_in_docstrings_hold(load_benchmark) -> None:
    assert doctest.testmod(load_benchmark("inputs.replicated_dumps")).failed == 0


def test_a_replicated_dump_has_every_page_and_langlink_once_a_copy(load_benchmark, sample, tmp_path) -> None:
    dumps = load_benchmark("inputs.replicated_dumps")
    source, langlinks = dumps.find_sources(sample / "dumps", "eswiki")
    xml = bz2.decompress(source.read_bytes())
    folder = dumps.replicate_dump(source, langlinks, tmp_path, "eswiki", 3 * len(xml) / 1e6)
    packed = next(folder.glob("*.xml.bz2"))
    made = bz2.decompress(packed.read_bytes())
    assert made.count(b"<page>") == 3 * xml.count(b"<page>")
    assert made.count(b"<title>Sol (2)</title>") == 1
    with packed.open("rb") as file:
        assert len(scan_streams(file)) == 2 + 3 * -(-xml.count(b"<page>") // dumps.PAGES_PER_STREAM)

    def rows(path) -> list[tuple[int, str, str]]:
        return [tuple(row.values()) for batch in read_table(path) for row in batch.to_pylist()]

    own = rows(langlinks)
    step = dumps.ID_STEP
    expected = [(page + copy * step, language, title) for copy in range(3) for page, language, title in own]
    assert rows(next(folder.glob("*langlinks.sql.gz"))) == expected
    before = packed.stat().st_mtime_ns
    dumps.replicate_dump(source, langlinks, tmp_path, "eswiki", 3 * len(xml) / 1e6)
    assert packed.stat().st_mtime_ns == before  # written once


def test_the_langlinks_of_a_copy_are_those_of_the_sample_in_order(load_benchmark, sample) -> None:
    dumps = load_benchmark("inputs.replicated_dumps")
    sql = gzip.decompress(dumps.find_sources(sample / "dumps", "eswiki")[1].read_bytes())
    head, first, second = dumps.copy_langlinks(sql, 2)
    assert head == sql[: sql.index(b"INSERT INTO")]
    assert first.count(b"),(") == second.count(b"),(")
