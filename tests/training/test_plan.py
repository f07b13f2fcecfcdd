"""The plan: which tokens form sequence k."""

import dataclasses
import doctest
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from training import config, counter_hash, insertion, optimizer, plan
from training.plan import Documents, Plan, StreamRules, blocks, cumulative, document_order, fingerprint, piece, rank_slice

RULES = StreamRules(
    seed=3,
    sequence_length=16,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(98, 99),
    bos=1,
    eos=None,
    predict_names=True,
)


def documents(count: int = 50, seed: int = 0) -> Documents:
    rng = np.random.default_rng(seed)
    links = rng.integers(0, 5, count)
    return Documents(
        wikis=("eswiki", "jawiki"),
        wiki=np.sort(rng.integers(0, 2, count)).astype(np.int32),
        page_id=np.arange(count),
        num_tokens=rng.integers(0, 40, count).astype(np.int32),
        row_group_offsets=np.unique(np.concatenate([[0], rng.integers(0, count, 6), [count]])),
        link_offsets=cumulative(links),
        span_lengths=rng.integers(1, 4, int(links.sum())).astype(np.int32),
        name_lengths=rng.integers(1, 4, int(links.sum())).astype(np.int32),
    )


@pytest.mark.parametrize("module", [insertion, plan, counter_hash, config, optimizer], ids=lambda module: module.__name__)
def test_the_worked_examples_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_document_comes_once_in_an_epoch():
    order = document_order(np.array([0, 5, 9, 20, 21]), seed=1, epoch=0, window=2)
    assert sorted(order.tolist()) == list(range(21))


def test_epochs_and_seeds_have_their_own_order():
    offsets = np.array([0, 5, 9, 20, 21])
    orders = [document_order(offsets, seed, epoch, 2).tolist() for seed, epoch in ((1, 0), (1, 1), (2, 0))]
    assert len({tuple(order) for order in orders}) == 3


@pytest.mark.parametrize("window", [1, 2, 3, 100])
def test_documents_are_shuffled_inside_a_window_of_row_groups_only(window):
    offsets = np.arange(0, 101, 10)
    order = document_order(offsets, seed=4, epoch=0, window=window)
    groups = [set((part // 10).tolist()) for part in np.split(order, range(10 * window, 100, 10 * window))]
    assert all(len(group) <= window for group in groups)
    assert sum(len(group) for group in groups) == 10
    assert order.tolist() != sorted(order.tolist())


def test_pieces_are_the_parts_of_documents_that_a_range_covers():
    begins = cumulative(np.array([3, 0, 2, 5]))  # an empty document is nowhere
    for low in range(10):
        for high in range(low + 1, 11):
            owners = [(d, t) for d, size in enumerate((3, 0, 2, 5)) for t in range(size)][low:high]
            found = [(int(d), t) for d, start, stop in zip(*piece(begins, low, high), strict=True) for t in range(start, stop)]
            assert found == owners


def test_sequences_are_the_stream_cut_into_runs_and_the_remainder_carries_over():
    made = Plan(documents(seed=1), RULES)
    stream = []
    for epoch in range(3):
        lengths = made.lengths(epoch)
        for document in document_order(made.documents.row_group_offsets, RULES.seed, epoch, RULES.shuffle_window):
            stream += [(epoch, int(document), token) for token in range(lengths[document])]
    for k in range(len(stream) // 16):
        found = [(p.epoch, p.document, token) for p in made.sequence(k) for token in range(p.start, p.stop)]
        assert found == stream[16 * k : 16 * (k + 1)]
    assert made.epoch_begin(1) % 16 != 0, "the case would not show a remainder"


def test_a_sequence_does_not_depend_on_what_was_asked_before():
    forward, backward = Plan(documents(), RULES), Plan(documents(), RULES)
    expected = [forward.sequence(k) for k in range(300)]
    assert [backward.sequence(k) for k in reversed(range(300))][::-1] == expected
    assert Plan(documents(), RULES).sequence(299) == expected[299]


def test_a_sequence_may_span_several_epochs_of_a_small_corpus():
    small = Plan(documents(2, seed=3), dataclasses.replace(RULES, sequence_length=1000))
    assert len({p.epoch for p in small.sequence(0)}) > 2
    assert sum(p.stop - p.start for p in small.sequence(0)) == 1000


@pytest.mark.parametrize("links_in_block", [1, 3, 17, 10**6])
@pytest.mark.parametrize("strategy", ["right", "replace", "none"])
def test_lengths_do_not_depend_on_the_size_of_the_blocks(links_in_block, strategy):
    made = Plan(documents(), dataclasses.replace(RULES, strategy=strategy))
    d, chosen = made.documents, made.chosen(2)
    owner = np.repeat(np.arange(50), np.diff(d.link_offsets))
    expected = [int(n) + 1 for n in d.num_tokens]  # and BOS
    for link in np.flatnonzero(chosen):
        removed = d.span_lengths[link] if strategy == "replace" else 0
        expected[owner[link]] += int(d.name_lengths[link]) + 2 - int(removed)
    assert made.lengths(2, links_in_block).tolist() == expected


def test_a_block_holds_whole_documents_and_no_more_links_than_it_must():
    offsets = documents().link_offsets
    for first, last in pairwise(blocks(offsets, 7)[:-1]):
        assert offsets[last] - offsets[first] >= 7 > offsets[last - 1] - offsets[first]
    assert blocks(np.array([0]), 7) == [0]


def test_the_lengths_of_an_epoch_are_worked_out_once():
    class Counting(Plan):
        def lengths(self, epoch, *arguments):
            asked.append(epoch)
            return super().lengths(epoch, *arguments)

    asked = []
    made = Counting(documents(), RULES)
    reached = {piece.epoch for k in range(300) for piece in made.sequence(k)}
    assert len(reached) > 3
    assert asked == sorted(reached)


def test_the_layout_of_an_epoch_takes_the_memory_that_is_promised():
    count, links = 200_000, 4_000_000
    rng = np.random.default_rng(0)
    large = Documents(
        wikis=("jawiki",),
        wiki=np.zeros(count, dtype=np.int32),
        page_id=np.arange(count),
        num_tokens=rng.integers(0, 800, count).astype(np.int32),
        row_group_offsets=np.arange(0, count + 1, 1000),
        link_offsets=np.arange(0, links + 1, links // count),
        span_lengths=np.ones(links, dtype=np.int32),
        name_lengths=np.ones(links, dtype=np.int32),
    )
    made = Plan(large, RULES)
    tracemalloc.start()
    made.epoch(0)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 16 * count + 100_000
    assert peak < 16 * count + 57_000_000


def test_a_corpus_without_tokens_is_refused():
    empty = dataclasses.replace(documents(), num_tokens=np.zeros(50, dtype=np.int32))
    rules = dataclasses.replace(RULES, bos=None, strategy="none")
    with pytest.raises(ValueError, match="holds no tokens"):
        Plan(empty, rules).sequence(0)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 8])
def test_the_slices_of_all_ranks_make_up_the_batch_in_order(ranks):
    assert [k for rank in range(ranks) for k in rank_slice(5, 24, rank, ranks)] == list(range(120, 144))


def test_an_uneven_slice_is_refused():
    with pytest.raises(ValueError, match="24 sequences cannot be dealt evenly to 5 ranks"):
        rank_slice(0, 24, 0, 5)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"sequence_length": 32},
        {"shuffle_window": 3},
        {"strategy": "left"},
        {"probability": 0.4},
        {"tags": None},
        {"bos": None},
        {"eos": 2},
        {"predict_names": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_rule_is_part_of_the_fingerprint(change):
    assert set(change) <= {field.name for field in dataclasses.fields(StreamRules)}
    assert fingerprint("data", RULES) != fingerprint("data", dataclasses.replace(RULES, **change))


def test_the_data_is_part_of_the_fingerprint():
    assert fingerprint("data", RULES) != fingerprint("other data", RULES)
    assert fingerprint("data", RULES) == fingerprint("data", dataclasses.replace(RULES))
