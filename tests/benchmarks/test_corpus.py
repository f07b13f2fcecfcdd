"""The benchmark of a whole build: the replicated dumps, the usage of processes, the scaling."""

import bz2
import doctest
import gzip
import importlib
import os
import subprocess
import sys

import pytest

from spark_jobs.dumps.compressed_streams import scan_streams
from spark_jobs.dumps.sql.table_reader import read_table

psutil = pytest.importorskip("psutil")


@pytest.fixture
def module(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    return importlib.import_module


def test_a_replicated_dump_has_every_page_and_langlink_once_a_copy(module, sample, tmp_path) -> None:
    dumps = module("inputs.replicated_dumps")
    assert doctest.testmod(dumps).failed == 0
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


def test_the_usage_of_a_command_includes_its_children(module, tmp_path) -> None:
    watch_command = module("measuring.process_tree").watch_command
    burn = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
    usage = watch_command([sys.executable, "-c", code], tmp_path / "log", os.environ)
    assert 0.3 < usage.cpu["workers"] < 5
    assert usage.cpu["driver"] < usage.cpu["workers"]
    assert usage.peak["workers"] > 10**6
    with pytest.raises(subprocess.CalledProcessError) as caught:
        watch_command([sys.executable, "-c", "raise SystemExit('why it failed')"], tmp_path / "log", os.environ)
    assert "why it failed" in caught.value.output


def test_the_langlinks_of_a_copy_are_those_of_the_sample_in_order(module, sample) -> None:
    dumps = module("inputs.replicated_dumps")
    sql = gzip.decompress(dumps.find_sources(sample / "dumps", "eswiki")[1].read_bytes())
    head, first, second = dumps.copy_langlinks(sql, 2)
    assert head == sql[: sql.index(b"INSERT INTO")]
    assert first.count(b"),(") == second.count(b"),(")


def test_the_linear_fit_separates_the_fixed_cost_from_the_cost_of_a_gigabyte(module) -> None:
    corpus, usage = module("corpus"), module("measuring.process_tree").Usage
    runs = [corpus.MeasuredBuild(gb * 1000, 10 * gb, usage(cpu={"workers": 10.0 * (2 + 3 * gb)}), {}) for gb in (0.5, 1, 2)]
    assert [run.ratio for run in runs] == [7, 5, 4]
    assert corpus.describe_scaling(runs) == (
        "CPU for a GB, 0.50 to 2.00 GB: 5.33 x bz2 within 31%; 2.00 x for the start, and 3.00 x for each GB"
    )
    assert corpus.describe_scaling(runs[:1]) == "CPU for a GB, 0.50 to 0.50 GB: 7.00 x bz2 within 0%"
