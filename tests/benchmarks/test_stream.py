"""The benchmarks of the stream, on little data."""

import json
import subprocess
import sys

import numpy as np
import pytest

FIGURES = {"ours": {"rate": 4e6, "first": 0.1, "peak": 3e8, "resume": 0.2, "wait_37000": 0.0, "wait_1000000": 0.01}}


@pytest.fixture
def module(repository, monkeypatch):
    """A function from the name of a benchmark to its module."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))

    def load(name):
        import importlib

        return importlib.import_module(name)

    return load


def test_ratios_compare_rates(module):
    slow = FIGURES["ours"] | {"rate": 1e4, "resume": 1234.5}
    rows = module("stream").loader_rows(FIGURES | {"original": slow})
    assert rows[0] == ("ours", "4", "1.0", "300", "0.10", "0.20", "0.0%", "1.0%")
    assert rows[1][1:3] == ("0.01", "400.0")
    assert rows[1][5] == "1,234"


def test_names_are_inserted_after_links(module):
    import random

    loaders = module("peers.stream_loaders")
    row = {"input_ids": [5, 6, 7], "entity_end": [1, 3], "name_lengths": [2, 1], "name_ids": [50, 51, 60]}
    draw = random.Random(0)
    draw.random = lambda: 0.0
    opening, closing = loaders.OPEN, loaders.CLOSE
    expected = [loaders.BOS, 5, opening, 50, 51, closing, 6, 7, opening, 60, closing]
    assert loaders.insert_names(row, draw) == expected


def test_the_synthetic_corpus_follows_the_contract(module, tmp_path):
    module("inputs.synthetic_corpus").make_corpus(tmp_path / "corpus", 300, shards=2)
    wiki = module("peers.stream_loaders").OurLoader(tmp_path / "corpus").stream.corpus.wikis[0]
    for group in range(len(wiki.row_groups)):
        data = wiki.read(group)
        for row in range(len(data.begins) - 1):
            links = slice(data.link_begins[row], data.link_begins[row + 1])
            starts, ends = data.starts[links], data.ends[links]
            assert (starts < ends).all()
            assert (ends[:-1] <= starts[1:]).all()
            assert len(ends) == 0 or ends[-1] <= data.begins[row + 1] - data.begins[row]
            assert data.name_lengths[links].sum() == data.name_begins[row + 1] - data.name_begins[row]
        assert np.max(data.input_ids) < 32_000


def test_a_slow_consumer_does_not_wait(module):
    loaders = module("peers.stream_loaders")
    assert loaders.wait_share(iter(lambda: (None, None), 1), 32_768, 1_000_000, 0.3) < 0.05


def run_script(repository, script, *arguments):
    done = subprocess.run(
        [sys.executable, str(repository / "benchmarks" / script), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_second_plan_comes_from_the_cache(repository, tmp_path):
    out = run_script(repository, "plan_cost.py", "--documents", "20000", "--markdown", "--json", str(tmp_path / "figures.json"))
    assert "| from the cache |" in out
    assert "20,000 documents, 400,000 links" in out
    runs = json.loads((tmp_path / "figures.json").read_text())["runs"]
    assert runs["from the cache"]["tokens"] == runs["cold"]["tokens"] > 10**7


@pytest.mark.slow
def test_loaders_are_compared_in_separate_processes(repository, tmp_path):
    figures = tmp_path / "figures.json"
    options = ["--documents", "1024", "--seconds", "0.5", "--markdown", "--json", str(figures)]
    out = run_script(repository, "stream.py", *options)
    report = json.loads(figures.read_text())
    assert set(report["loaders"]) == {"ours", "ours, large", "original", "original, vocab kept", "datasets", "datasets, shuffled"}
    assert report["loaders"]["ours"]["rate"] > report["loaders"]["original"]["rate"]
    assert report["amplification"]["1"] == 1.0
    assert "| the original's loader |" in out
