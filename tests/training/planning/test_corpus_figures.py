"""Figures of a corpus, and the expected share of names."""

import dataclasses

import numpy as np
import pytest

from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.planning.corpus_figures import compute_corpus_figures
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream

RULES = StreamRules(
    seed=2,
    sequence_length=64,
    global_batch_size=8,
    slots=8,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(63, 64),
    bos=1,
    eos=None,
    predict_names=False,
)


@pytest.fixture(scope="module")
def opened(corpus):
    return open_corpus(DataSettings(**corpus.data))


@pytest.mark.parametrize("strategy", ["left", "replace", "none"])
@pytest.mark.parametrize("probability", [0.25, 1.0])
def test_the_expected_inserted_share_is_about_what_an_epoch_holds(opened, strategy, probability):

    stream = Stream(opened, dataclasses.replace(RULES, strategy=strategy, probability=probability))
    for row, plan, wiki in zip(compute_corpus_figures(stream), stream.plan.wikis, opened.wikis, strict=True):
        d = wiki.documents
        chosen = plan.chosen_links(0) & (strategy != "none")
        found = ((d.name_lengths.astype(int) + 2) * chosen).sum() / plan.lengths(0).sum()
        assert row.inserted_share == pytest.approx(found, abs=0.06 if probability < 1 else 1e-12)
        assert (row.articles, row.tokens, row.insertable) == (36, d.num_tokens.sum(), len(d.name_lengths))


def test_figures_of_a_wiki_without_links_are_zeros(fresh_corpus, write_shards):
    row = {"page_id": 1, "num_tokens": 3, "input_ids": [3, 4, 5]}
    nothing = {name: [] for name in ("entity_start", "entity_end", "name_lengths", "name_ids")}
    write_shards(fresh_corpus, "kowiki", [row | nothing])
    stream = Stream(open_corpus(DataSettings(**fresh_corpus.data | {"wikis": ["kowiki"]})), RULES)
    assert compute_corpus_figures(stream)[0][2:] == (1, 3, 0, 0, 0.0)
    assert np.array(stream.batch(0).input_ids).shape == (8, 64)
