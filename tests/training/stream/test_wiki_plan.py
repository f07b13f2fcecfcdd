"""The plan of one wiki: lanes as sequences, layouts of epochs, lengths."""

import dataclasses
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from training.data.array_cache import ArrayCache
from training.stream.held_out_articles import is_held_out
from training.stream.lanes import MAX_IMBALANCE
from training.stream.wiki_plan import WikiPlan, document_blocks

from .synthetic_documents import RULES, documents, even_documents


def lane_tokens(plan, lane, epochs):
    """(epoch, document, token) of a lane, token by token."""
    stream = []
    for epoch in range(epochs):
        layout, lengths = plan.epoch(epoch), plan.lengths(epoch)
        for document in layout.order[layout.lane_positions[lane] : layout.lane_positions[lane + 1]].tolist():
            stream += [(epoch, document, token) for token in range(lengths[document])]
    return stream


def tokens_of(spans, plan):
    found = []
    for span in spans:
        lengths = plan.lengths(span.epoch)
        tokens = [(span.epoch, int(d), t) for d in span.documents for t in range(lengths[d])]
        found += tokens[span.skip : span.skip + span.length]
    return found


def test_sequences_are_a_lane_cut_into_runs_and_the_remainder_carries_over():
    plan = WikiPlan(documents(seed=1), RULES)
    stream = lane_tokens(plan, 0, 3)
    for k in range(len(stream) // 16):
        assert tokens_of(plan.spans(0, k, k + 1), plan) == stream[16 * k : 16 * (k + 1)]
    assert tokens_of(plan.spans(0, 0, len(stream) // 16), plan) == stream[: len(stream) // 16 * 16]
    assert plan.lane_begin(0, 1) % 16 != 0, "the case has no remainder"


def test_lanes_stay_close_to_each_other_over_epochs():
    plan = WikiPlan(even_documents(64 * 1000, 10, 100), dataclasses.replace(RULES, global_batch_size=64, slots=64))
    assert plan.lanes == 64
    assert plan.imbalance <= MAX_IMBALANCE
    for epoch in (1, 3):
        begins = np.array([plan.lane_begin(lane, epoch) for lane in range(64)])
        assert np.ptp(begins) / begins.mean() <= plan.imbalance + 0.01


def test_held_out_documents_are_in_no_epoch_and_all_others_in_each():
    everything = documents(400, groups=40)
    held_out = is_held_out("jawiki", everything.page_id, 0.25)
    assert 60 < held_out.sum() < 140
    for part, expected in (("train", ~held_out), ("held_out", held_out)):
        plan = WikiPlan(everything, dataclasses.replace(RULES, held_out=0.25, part=part))
        for epoch in range(2):
            assert sorted(plan.epoch(epoch).order.tolist()) == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize("links_in_block", [1, 3, 17, 10**6])
@pytest.mark.parametrize("strategy", ["right", "replace", "none"])
def test_lengths_do_not_depend_on_the_size_of_the_blocks(links_in_block, strategy):
    plan = WikiPlan(documents(), dataclasses.replace(RULES, strategy=strategy))
    d, chosen = plan.documents, plan.chosen_links(2)
    owner = np.repeat(np.arange(50), np.diff(d.link_offsets))
    expected = [int(n) + 1 for n in d.num_tokens]  # and BOS
    for link in np.flatnonzero(chosen):
        removed = d.span_lengths[link] if strategy == "replace" else 0
        expected[owner[link]] += int(d.name_lengths[link]) + 2 - int(removed)
    assert plan.lengths(2, links_in_block).tolist() == expected


def test_a_block_holds_whole_documents_and_as_few_links_as_possible():
    offsets = documents().link_offsets
    for first, last in pairwise(document_blocks(offsets, 7)[:-1]):
        assert offsets[last] - offsets[first] >= 7 > offsets[last - 1] - offsets[first]
    assert document_blocks(np.array([0]), 7) == [0]


def test_the_layout_of_an_epoch_is_computed_once(tmp_path):
    computed = []

    class Counting(WikiPlan):
        def lengths(self, epoch, *arguments):
            computed.append(epoch)
            return super().lengths(epoch, *arguments)

    plan = Counting(documents(), RULES)
    reached = {span.epoch for k in range(300) for span in plan.spans(0, k, k + 1)}
    assert len(reached) > 3
    assert computed == sorted(reached)
    computed.clear()
    expected = plan.spans(0, 250, 251)
    for _ in range(2):  # another process of the machine, and one after it
        again = Counting(documents(), RULES, ArrayCache(tmp_path))
        assert str(again.spans(0, 250, 251)) == str(expected)
    assert computed == sorted(set(computed))


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        ({"global_batch_size": 12}, True),
        ({"sequence_length": 32}, True),
        ({"predict_names": False}, True),
        ({"tags": (5, 6)}, True),
        ({"seed": 4}, False),
        ({"probability": 0.4}, False),
        ({"tags": None}, False),
        ({"held_out": 0.1}, False),
        ({"shuffle_window": 3}, False),
        ({"eos": 2}, False),
    ],
    ids=str,
)
def test_runs_share_a_layout_if_it_is_the_same(tmp_path, change, shared):
    for rules in (RULES, dataclasses.replace(RULES, **change)):
        WikiPlan(documents(), rules, ArrayCache(tmp_path)).epoch(0)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == (1 if shared else 2)


def test_the_layout_of_an_epoch_takes_no_more_memory_than_documented():
    count, links = 200_000, 20
    plan = WikiPlan(even_documents(count, links, 1000), RULES)
    tracemalloc.start()
    plan.epoch(0)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 12 * count + 100_000
    assert peak < 28 * count + 57_000_000
