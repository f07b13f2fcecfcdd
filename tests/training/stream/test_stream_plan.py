"""The plan: which tokens form sequence k."""

import dataclasses
import doctest
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from spark_jobs.common import link_sampling as name_choice
from spark_jobs.common import stateless_random as counter_hash
from training import config
from training.data.array_cache import ArrayCache
from training.data.narrow_columns import Documents
from training.data.prefix_sums import prefix_sums
from training.engine import optimizer
from training.stream import lanes
from training.stream import name_insertion as insertion
from training.stream import source_mixture as mixture
from training.stream import stream_plan as plan
from training.stream.held_out_articles import is_held_out
from training.stream.lanes import MAX_IMBALANCE
from training.stream.sequence_index import covered_positions, rank_slice
from training.stream.stream_plan import StreamPlan
from training.stream.stream_rules import StreamRules, identity_differences, identity_fingerprint, stream_identity
from training.stream.wiki_plan import WikiPlan, document_blocks

RULES = StreamRules(
    seed=3,
    sequence_length=16,
    global_batch_size=6,
    slots=3,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(98, 99),
    bos=1,
    eos=None,
    predict_names=True,
)


def documents(count: int = 50, seed: int = 0, groups: int = 6, wiki: str = "jawiki") -> Documents:
    rng = np.random.default_rng(seed)
    links = rng.integers(0, 5, count)
    return Documents(
        wiki=wiki,
        fingerprint=f"{wiki} {count} {seed}",
        page_id=np.arange(count),
        num_tokens=rng.integers(0, 40, count).astype(np.int32),
        row_group_offsets=np.unique(np.concatenate([[0], rng.integers(0, count, groups), [count]])),
        link_offsets=prefix_sums(links),
        span_lengths=rng.integers(1, 4, int(links.sum())).astype(np.uint16),
        name_lengths=rng.integers(1, 4, int(links.sum())).astype(np.uint16),
    )


def even_documents(count: int, links: int, in_group: int, seed: int = 0) -> Documents:
    """Row groups of `in_group` documents of about 400 tokens and `links` links each."""
    rng = np.random.default_rng(seed)
    return Documents(
        wiki="jawiki",
        fingerprint=f"even {count} {links} {seed}",
        page_id=np.arange(count),
        num_tokens=rng.integers(0, 800, count).astype(np.int32),
        row_group_offsets=np.arange(0, count + 1, in_group),
        link_offsets=np.arange(0, count * links + 1, links),
        span_lengths=np.ones(count * links, dtype=np.uint16),
        name_lengths=rng.integers(1, 8, count * links).astype(np.uint16),
    )


@pytest.mark.parametrize(
    "module", [insertion, plan, lanes, mixture, counter_hash, name_choice, config, optimizer], ids=lambda module: module.__name__
)
def test_the_worked_examples_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_pieces_are_the_parts_of_documents_that_a_range_covers():
    sizes = (3, 0, 2, 5)  # an empty document is nowhere
    begins = prefix_sums(np.array(sizes))
    stream = [(d, t) for d, size in enumerate(sizes) for t in range(size)]
    for low in range(10):
        for high in range(low + 1, 11):
            first, last, skip = covered_positions(begins, low, high)
            covered = [(d, t) for d in range(first, last) for t in range(sizes[d])]
            assert covered[skip : skip + high - low] == stream[low:high]


def lane_tokens(made, lane, epochs):
    """(epoch, document, token) of a lane, token by token."""
    stream = []
    for epoch in range(epochs):
        layout, lengths = made.epoch(epoch), made.lengths(epoch)
        for document in layout.order[layout.lane_positions[lane] : layout.lane_positions[lane + 1]].tolist():
            stream += [(epoch, document, token) for token in range(lengths[document])]
    return stream


def tokens_of(spans, made):
    found = []
    for span in spans:
        lengths = made.lengths(span.epoch)
        tokens = [(span.epoch, int(d), t) for d in span.documents for t in range(lengths[d])]
        found += tokens[span.skip : span.skip + span.length]
    return found


def test_sequences_are_a_lane_cut_into_runs_and_the_remainder_carries_over():
    made = WikiPlan(documents(seed=1), RULES)
    stream = lane_tokens(made, 0, 3)
    for k in range(len(stream) // 16):
        assert tokens_of(made.spans(0, k, k + 1), made) == stream[16 * k : 16 * (k + 1)]
    assert tokens_of(made.spans(0, 0, len(stream) // 16), made) == stream[: len(stream) // 16 * 16]
    assert made.lane_begin(0, 1) % 16 != 0, "the case would not show a remainder"


def test_a_sequence_may_span_several_epochs_of_a_small_corpus():
    made = StreamPlan([documents(2, seed=3)], dataclasses.replace(RULES, sequence_length=1000))
    assert len({span.epoch for span in made.sequence(0)}) > 2
    assert sum(span.length for span in made.sequence(0)) == 1000


@pytest.mark.parametrize("slots", [1, 2, 3, 6])
def test_every_sequence_of_every_lane_comes_once_and_a_slot_has_one_lane_of_a_wiki(slots):
    rules = dataclasses.replace(RULES, slots=slots)
    made = StreamPlan([even_documents(240, 2, 10), documents(wiki="swwiki", groups=0)], rules)
    assert (made.wikis[0].lanes, made.wikis[1].lanes) == (slots, 1)
    places = made.places(range(6 * 300))
    assert len({tuple(place) for place in places.tolist()}) == len(places)
    for wiki, lanes_of_wiki in ((0, slots), (1, 1)):
        for lane in range(lanes_of_wiki):
            taken = np.sort(places[(places[:, 0] == wiki) & (places[:, 1] == lane)][:, 2])
            gaps = np.flatnonzero(taken != np.arange(len(taken)))
            assert len(gaps) == 0 or gaps[0] >= len(taken) - 3 * slots, "slots that share a lane are no more than a few apart"


def test_lanes_that_begin_together_stay_together():
    made = WikiPlan(even_documents(64 * 1000, 10, 100), dataclasses.replace(RULES, global_batch_size=64, slots=64))
    assert made.lanes == 64
    assert made.imbalance <= MAX_IMBALANCE
    for epoch in (1, 3):
        begins = np.array([made.lane_begin(lane, epoch) for lane in range(64)])
        assert np.ptp(begins) / begins.mean() <= made.imbalance + 0.01


# --- what takes part -----------------------------------------------------------------------------------------------------


def test_held_out_documents_are_in_no_epoch_and_all_others_in_each():
    everything = documents(400, groups=40)
    held_out = is_held_out("jawiki", everything.page_id, 0.25)
    assert 60 < held_out.sum() < 140
    for part, expected in (("train", ~held_out), ("held_out", held_out)):
        made = WikiPlan(everything, dataclasses.replace(RULES, held_out=0.25, part=part))
        for epoch in range(2):
            assert sorted(made.epoch(epoch).order.tolist()) == np.flatnonzero(expected).tolist()


def test_what_is_held_out_depends_on_wiki_and_page_alone_and_grows_with_the_share():
    pages = np.arange(1000)
    small, large = is_held_out("jawiki", pages, 0.1), is_held_out("jawiki", pages, 0.2)
    assert (large >= small).all()
    assert is_held_out("jawiki", pages[::-1], 0.1).tolist() == small.tolist()[::-1]
    assert is_held_out("eswiki", pages, 0.1).tolist() != small.tolist()


def test_nothing_held_out_leaves_the_held_out_part_without_tokens():
    with pytest.raises(ValueError, match=r"data\.held_out: 0\.001 leaves the stream of part 'held_out' no tokens"):
        StreamPlan([documents(3)], dataclasses.replace(RULES, held_out=0.001, part="held_out"))


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.8), (1e9, 0.5)])
def test_wikis_come_in_proportion_to_their_tokens_or_more_alike(temperature, share):
    wikis = [even_documents(400, 1, 10), dataclasses.replace(even_documents(100, 1, 10), wiki="swwiki")]
    made = StreamPlan(wikis, dataclasses.replace(RULES, temperature=temperature))
    places = made.places(range(6000))
    assert (places[:, 0] == 0).mean() == pytest.approx(share, abs=0.03)


def test_weights_give_the_shares():
    wikis = [even_documents(400, 1, 10), dataclasses.replace(even_documents(100, 1, 10), wiki="swwiki")]
    made = StreamPlan(wikis, dataclasses.replace(RULES, weights=(("jawiki", 1.0), ("swwiki", 3.0))))
    assert (made.places(range(6000))[:, 0] == 0).mean() == pytest.approx(0.25, abs=0.001)


# --- lengths and layouts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("links_in_block", [1, 3, 17, 10**6])
@pytest.mark.parametrize("strategy", ["right", "replace", "none"])
def test_lengths_do_not_depend_on_the_size_of_the_blocks(links_in_block, strategy):
    made = WikiPlan(documents(), dataclasses.replace(RULES, strategy=strategy))
    d, chosen = made.documents, made.chosen_links(2)
    owner = np.repeat(np.arange(50), np.diff(d.link_offsets))
    expected = [int(n) + 1 for n in d.num_tokens]  # and BOS
    for link in np.flatnonzero(chosen):
        removed = d.span_lengths[link] if strategy == "replace" else 0
        expected[owner[link]] += int(d.name_lengths[link]) + 2 - int(removed)
    assert made.lengths(2, links_in_block).tolist() == expected


def test_a_block_holds_whole_documents_and_no_more_links_than_it_must():
    offsets = documents().link_offsets
    for first, last in pairwise(document_blocks(offsets, 7)[:-1]):
        assert offsets[last] - offsets[first] >= 7 > offsets[last - 1] - offsets[first]
    assert document_blocks(np.array([0]), 7) == [0]


def test_the_layout_of_an_epoch_is_worked_out_once(tmp_path):
    asked = []

    class Counting(WikiPlan):
        def lengths(self, epoch, *arguments):
            asked.append(epoch)
            return super().lengths(epoch, *arguments)

    made = Counting(documents(), RULES)
    reached = {span.epoch for k in range(300) for span in made.spans(0, k, k + 1)}
    assert len(reached) > 3
    assert asked == sorted(reached)
    asked.clear()
    expected = made.spans(0, 250, 251)
    for _ in range(2):  # another process of the machine, and one after it
        again = Counting(documents(), RULES, ArrayCache(tmp_path))
        assert str(again.spans(0, 250, 251)) == str(expected)
    assert asked == sorted(set(asked))


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
def test_runs_share_a_layout_where_it_would_be_the_same(tmp_path, change, shared):
    for rules in (RULES, dataclasses.replace(RULES, **change)):
        WikiPlan(documents(), rules, ArrayCache(tmp_path)).epoch(0)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == (1 if shared else 2)


def test_the_layout_of_an_epoch_takes_the_memory_that_is_promised():
    count, links = 200_000, 20
    made = WikiPlan(even_documents(count, links, 1000), RULES)
    tracemalloc.start()
    made.epoch(0)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 12 * count + 100_000
    assert peak < 28 * count + 57_000_000


def test_a_corpus_without_tokens_is_refused():
    empty = dataclasses.replace(documents(), num_tokens=np.zeros(50, dtype=np.int32))
    rules = dataclasses.replace(RULES, bos=None, strategy="none")
    with pytest.raises(ValueError, match="holds no tokens"):
        StreamPlan([empty], rules)


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
        {"global_batch_size": 12},
        {"slots": 2},
        {"shuffle_window": 3},
        {"strategy": "left"},
        {"probability": 0.4},
        {"tags": None},
        {"bos": None},
        {"eos": 2},
        {"predict_names": False},
        {"mask_documents": True},
        {"temperature": 2.0},
        {"weights": (("jawiki", 1.0),)},
        {"held_out": 0.1},
        {"part": "held_out"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_rule_is_part_of_the_fingerprint(change):
    assert set(change) <= {field.name for field in dataclasses.fields(StreamRules)}
    changed = stream_identity({"jawiki": "data"}, dataclasses.replace(RULES, **change))
    assert identity_fingerprint(changed) != identity_fingerprint(stream_identity({"jawiki": "data"}, RULES))
    assert len(identity_differences(stream_identity({"jawiki": "data"}, RULES), changed)) == 1


def test_the_data_is_part_of_the_fingerprint():
    assert identity_fingerprint(stream_identity({"jawiki": "data"}, RULES)) != identity_fingerprint(
        stream_identity({"jawiki": "other"}, RULES)
    )
    assert identity_fingerprint(stream_identity({"a": "1", "b": "2"}, RULES)) == identity_fingerprint(
        stream_identity({"b": "2", "a": "1"}, RULES)
    )


def test_all_rules_have_a_case_above():
    marks = {name for mark in test_every_rule_is_part_of_the_fingerprint.pytestmark for change in mark.args[1] for name in change}
    assert marks == {field.name for field in dataclasses.fields(StreamRules)}
