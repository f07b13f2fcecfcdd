"""The stream is a function of data, rules and sequence index alone: its properties, and that broken plans fail them."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.stream import lane_reader, token_stream, wiki_plan
from training.stream.name_insertion import IGNORED
from training.stream.rolling_hash import RollingHash
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream, StreamChangedError

OPEN, CLOSE = 900, 901
BATCH, BATCHES = 24, 14
RULES = StreamRules(
    seed=11,
    sequence_length=32,
    global_batch_size=BATCH,
    slots=8,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(OPEN, CLOSE),
    bos=1,
    eos=None,
    predict_names=True,
)
WORLD_SIZES, WORKERS = (1, 2, 3, 4, 8), (0, 1, 3)


@pytest.fixture(scope="module")
def mixed(wide_corpus):
    """Three wikis: 8, 1 and 2 lanes."""
    return open_corpus(DataSettings(**wide_corpus.data))


@pytest.fixture(scope="module")
def single(wide_corpus):
    return open_corpus(DataSettings(**wide_corpus.data | {"wikis": ["jawiki"]}))


def train_in_parts(opened, rules, parts, micro_batch=None):
    """(tokens, labels, hash) of a run in `parts` of (first batch, batch after the last, ranks, workers).

    Every rank of every part has a separate stream, like a process that starts anew; micro-batches are read one by one.
    """
    tokens, targets, state = [], [], None
    for start, stop, ranks, workers in parts:
        streams = [Stream(opened, rules) for _ in range(ranks)]
        begin, rolling = (start, RollingHash()) if state is None else streams[0].seek(state)
        assert begin == start
        iterators = [own.batches(start, rank, ranks, workers) for rank, own in enumerate(streams)]
        for number in range(start, stop):
            shares = [next(iterator) for iterator in iterators]
            size = micro_batch or len(shares[0].sequences)
            for share in shares:
                tokens += [share.input_ids[low : low + size] for low in range(0, len(share.sequences), size)]
                targets += [share.labels[low : low + size] for low in range(0, len(share.sequences), size)]
            stream_hash = rolling.update(np.concatenate([share.digests for share in shares]))
            state = streams[0].state(number + 1, stream_hash)
        for iterator in iterators:
            iterator.close()
    return np.concatenate(tokens).ravel().tolist(), np.concatenate(targets).ravel().tolist(), rolling.value


def lane_in_plain_python(opened, rules, lane, length):
    """A lane of a one-wiki corpus, token by token: epochs of its documents, names after the links, at probability 1."""
    plan = Stream(opened, rules).plan.wikis[0]
    wiki = opened.wikis[0]
    offsets = wiki.documents.row_group_offsets
    content = {}
    for group in range(len(offsets) - 1):
        data = wiki.read(group)
        for row in range(int(offsets[group + 1] - offsets[group])):
            ids = data.input_ids[data.begins[row] : data.begins[row + 1]].tolist()
            at = data.name_begins[row]
            names = []
            for link in range(data.link_begins[row], data.link_begins[row + 1]):
                names.append((int(data.ends[link]), data.name_ids[at : at + data.name_lengths[link]].tolist()))
                at += data.name_lengths[link]
            for end, name in reversed(names):
                ids[end:end] = [OPEN, *name, CLOSE]
            content[int(offsets[group]) + row] = [rules.bos, *ids]
    tokens, epoch = [], 0
    while len(tokens) < length:
        layout = plan.epoch(epoch)
        documents = layout.order[layout.lane_positions[lane] : layout.lane_positions[lane + 1]].tolist()
        groups = sorted({int(np.searchsorted(offsets, d, side="right")) - 1 for d in documents})
        assert documents != sorted(documents)
        assert sorted(documents) == [d for g in groups for d in range(offsets[g], offsets[g + 1])], "a lane owns whole row groups"
        for document in documents:
            tokens += content[document]
        epoch += 1
    return tokens[:length]


def are_equal(left, right):
    """Whether two runs saw the same. In an assertion, a bare `==` has pytest write a diff for hours where CI is set."""
    return left == right


def check_the_theorem(opened):
    """All properties on a few cases; the broken plans below must fail them."""
    whole = train_in_parts(opened, RULES, [(0, BATCHES, 1, 0)])
    assert are_equal(train_in_parts(opened, RULES, [(0, BATCHES, 4, 0)]), whole)
    assert are_equal(train_in_parts(opened, RULES, [(0, BATCHES, 3, 3)], micro_batch=2), whole)
    assert are_equal(train_in_parts(opened, RULES, [(0, 5, 2, 1), (5, 6, 8, 0), (6, BATCHES, 1, 3)]), whole)
    rules = dataclasses.replace(RULES, probability=1.0)
    batches = 2 * BATCHES  # beyond the end of epoch 0
    found = np.array(train_in_parts(opened, rules, [(0, batches, 2, 0)])[0]).reshape(batches, rules.slots, -1)
    for lane in range(rules.slots):
        in_lane = found[:, lane].ravel().tolist()  # each slot has one lane, and holds its sequences in order
        assert in_lane == lane_in_plain_python(opened, rules, lane, len(in_lane))


def test_the_theorem_holds(single):
    assert Stream(single, RULES).plan.wikis[0].lanes == 8
    check_the_theorem(single)


rules_of_any_kind = st.builds(
    dataclasses.replace,
    st.just(RULES),
    seed=st.integers(0, 2**63 - 1),
    sequence_length=st.integers(2, 90),
    slots=st.sampled_from([1, 2, 3, 8, 12, 24]),
    shuffle_window=st.integers(1, 4),
    strategy=st.sampled_from(["left", "right", "replace", "none"]),
    probability=st.sampled_from([0.0, 0.3, 1.0]),
    tags=st.sampled_from([(OPEN, CLOSE), None]),
    bos=st.sampled_from([1, None]),
    eos=st.sampled_from([2, None]),
    predict_names=st.booleans(),
    mask_documents=st.booleans(),
    temperature=st.sampled_from([1.0, 3.0]),
    held_out=st.sampled_from([0.0, 0.2]),
)
stops = st.lists(st.integers(1, 6), max_size=2, unique=True).map(lambda found: [0, *sorted(found), 7])


def check_a_run(opened, rules, stops, data):
    drawn = [(*part, data.draw(st.sampled_from(WORLD_SIZES)), data.draw(st.sampled_from(WORKERS))) for part in pairwise(stops)]
    micro_batch = data.draw(st.sampled_from([1, 2, 3]))
    assert are_equal(train_in_parts(opened, rules, drawn, micro_batch), train_in_parts(opened, rules, [(0, stops[-1], 1, 0)]))


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=rules_of_any_kind, stops=stops, data=st.data())
def test_ranks_workers_accumulation_and_restarts_do_not_change_the_stream(mixed, rules, stops, data):
    check_a_run(mixed, rules, stops, data)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=rules_of_any_kind, stops=stops, data=st.data())
def test_the_stream_does_not_change_in_many_more_cases(mixed, rules, stops, data):
    check_a_run(mixed, rules, stops, data)


@pytest.mark.parametrize("ranks", WORLD_SIZES)
@pytest.mark.parametrize("workers", WORKERS)
def test_every_world_size_with_every_number_of_workers_gives_one_hash(mixed, ranks, workers, whole):
    assert train_in_parts(mixed, RULES, [(0, BATCHES, ranks, workers)])[2] == whole


@pytest.fixture(scope="module")
def whole(mixed):
    return train_in_parts(mixed, RULES, [(0, BATCHES, 1, 0)])[2]


def test_a_batch_does_not_depend_on_the_batches_read_before(mixed):
    forward, backward = Stream(mixed, RULES), Stream(mixed, RULES)
    expected = [forward.batch(number).digests.tolist() for number in range(BATCHES)]
    assert [backward.batch(number).digests.tolist() for number in reversed(range(BATCHES))][::-1] == expected
    assert Stream(mixed, RULES).batch(BATCHES - 1).digests.tolist() == expected[-1]


@pytest.mark.parametrize("ranks", [1, 2, 4, 8])
def test_where_the_world_size_divides_the_lanes_no_row_group_is_read_twice_in_an_epoch(single, ranks, monkeypatch):
    read = []
    original = type(single.wikis[0]).read
    monkeypatch.setattr(type(single.wikis[0]), "read", lambda wiki, group: read.append((rank, group)) or original(wiki, group))
    plan = Stream(single, RULES).plan.wikis[0]
    batches = int(plan.epoch(0).totals().min()) // (RULES.sequence_length * BATCH // RULES.slots)
    for rank in range(ranks):
        iterator = Stream(single, RULES).batches(0, rank, ranks)
        for _ in range(batches):
            next(iterator)
    assert len(read) == len({group for _, group in read})
    assert len(read) > 70  # of 80: the last batches of the epoch also touch the next one


# --- a state that does not fit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"seed": 12}, "rules.seed: 11 there, 12 here"),
        ({"global_batch_size": 48}, "rules.global_batch_size: 24 there, 48 here"),
        ({"tags": None}, r"rules.tags: \[900, 901\] there, None here"),
    ],
)
def test_a_state_of_another_stream_is_refused_with_the_differences(single, change, line):
    state = Stream(single, RULES).state(7, "0" * 16)
    with pytest.raises(StreamChangedError, match=f"batch 7 would hold other tokens. Differences: {line}. Continue with"):
        Stream(single, dataclasses.replace(RULES, **change)).seek(state)


def test_a_state_of_other_data_is_refused_with_the_wiki(single, mixed):
    state = Stream(single, RULES).state(7, "0" * 16)
    with pytest.raises(StreamChangedError, match=r"Differences: data\.kowiki: None there, '[0-9a-f]{32}' here; data\.swwiki"):
        Stream(mixed, RULES).seek(state)


# --- broken plans ----------------------------------------------------------------------------------------------------------


def off_by_one_document(patch):
    original = wiki_plan.covered_positions
    patch.setattr(wiki_plan, "covered_positions", lambda *arguments: (original(*arguments)[0] + 1, *original(*arguments)[1:]))


def a_shared_random_generator(patch):
    shared = np.random.default_rng(0)

    def choose_links(**arguments):
        offsets = arguments["link_offsets"]
        return shared.random(int(offsets[-1] - offsets[0])) < arguments["probability"]

    patch.setattr(wiki_plan, "choose_links", choose_links)


def an_unseeded_shuffle(patch):
    original = wiki_plan.order_documents

    def order_documents(offsets, lane_of_group, kept, key, epoch, window):
        return original(offsets, lane_of_group, kept, int(np.random.default_rng().integers(2**62)), epoch, window)

    patch.setattr(wiki_plan, "order_documents", order_documents)


def ranks_that_take_turns(patch):
    def rank_slice(batch, size, rank, ranks):
        return range(batch * size + rank, (batch + 1) * size, ranks)

    patch.setattr(token_stream, "rank_slice", rank_slice)


def a_dropped_remainder(patch):
    def totals(self):
        return np.diff(self.begins[self.lane_positions]) // RULES.sequence_length * RULES.sequence_length

    patch.setattr(wiki_plan.EpochLayout, "totals", totals)


def ranks_that_assign_row_groups_differently(patch):
    original, calls = wiki_plan.assign_row_groups, []

    def assign_row_groups(tokens, lanes):
        calls.append(lanes)
        return np.roll(original(tokens, lanes), len(calls))

    patch.setattr(wiki_plan, "assign_row_groups", assign_row_groups)


def a_reader_that_loses_a_token_between_two_reads(patch):
    original = lane_reader.LaneReader.read

    def read(self, first, last):
        self._begin -= first == self._next // RULES.sequence_length and self._text is not None
        return original(self, first, last)

    patch.setattr(lane_reader.LaneReader, "read", read)


BREAKAGES = [
    off_by_one_document,
    a_shared_random_generator,
    an_unseeded_shuffle,
    ranks_that_take_turns,
    a_dropped_remainder,
    ranks_that_assign_row_groups_differently,
    a_reader_that_loses_a_token_between_two_reads,
]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.__name__)
def test_a_broken_plan_fails_the_check(single, breakage, monkeypatch):
    breakage(monkeypatch)
    with pytest.raises((AssertionError, ValueError, IndexError)) as failure:
        check_the_theorem(single)
    print(f"{breakage.__name__}: {failure.typename}: {str(failure.value).splitlines()[0][:100]}")


def test_labels_of_the_reference_hold_masked_tokens(single):
    assert IGNORED in train_in_parts(single, RULES, [(0, 1, 1, 0)])[1]
