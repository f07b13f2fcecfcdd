"""The synthetic corpus."""

import numpy as np


def test_the_synthetic_corpus_follows_the_contract(load_benchmark, tmp_path):
    load_benchmark("inputs.synthetic_corpus").make_corpus(tmp_path / "corpus", 300, shards=2)
    wiki = load_benchmark("peers.stream_loaders").OurLoader(tmp_path / "corpus").stream.corpus.wikis[0]
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
