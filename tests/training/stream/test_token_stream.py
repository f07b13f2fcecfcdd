"""The stream from real Parquet: its semantics against an independent implementation."""

import dataclasses
from collections import deque
from itertools import pairwise

import numpy as np
import pytest

from spark_jobs.common.errors import ConfigurationError
from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.stream.name_insertion import IGNORED, NAME, TAG
from training.stream.stream_rules import StreamRules
from training.stream.token_stream import Stream

OPEN, CLOSE = 900, 901
RULES = StreamRules(
    seed=11,
    sequence_length=32,
    global_batch_size=8,
    slots=8,
    shuffle_window=3,
    strategy="right",
    probability=0.5,
    tags=(OPEN, CLOSE),
    bos=1,
    eos=None,
    predict_names=True,
)
EPOCH = dataclasses.replace(RULES, global_batch_size=1, slots=1)
"""One sequence a batch, so that a batch may be a whole epoch of a one-wiki corpus."""


@pytest.fixture(scope="module")
def opened(corpus):
    return open_corpus(DataSettings(**corpus.data))


@pytest.fixture(scope="module")
def single(corpus):
    return open_corpus(DataSettings(**corpus.data | {"wikis": ["jawiki"]}))


@pytest.fixture(scope="module")
def wide(wide_corpus):
    return open_corpus(DataSettings(**wide_corpus.data))


@pytest.mark.parametrize("change", [{"seed": 12}, {"strategy": "left"}, {"predict_names": False}, {"shuffle_window": 1}])
def test_different_streams_have_different_hashes(opened, change):
    streams = [Stream(opened, rules) for rules in (RULES, dataclasses.replace(RULES, **change))]
    hashes = [[stream.batch(number).digests.tolist() for number in range(3)] for stream in streams]
    assert hashes[0] != hashes[1]
    assert streams[0].fingerprint != streams[1].fingerprint


def test_the_order_of_wikis_in_the_configuration_does_not_matter(corpus, opened):
    swapped = open_corpus(DataSettings(**corpus.data | {"wikis": ["jawiki", "eswiki"]}))
    assert swapped.fingerprint == opened.fingerprint
    assert Stream(swapped, RULES).fingerprint == Stream(opened, RULES).fingerprint


def test_a_stream_from_the_cache_is_the_stream_from_memory(opened, tmp_path):
    expected = Stream(opened, RULES).batch(40)
    for _ in range(2):
        found = Stream(opened, RULES, tmp_path).batch(40)
        assert found.input_ids.tolist() == expected.input_ids.tolist()
        assert found.digests.tolist() == expected.digests.tolist()


def test_an_impossible_stream_is_a_configuration_error(opened):
    with pytest.raises(ConfigurationError, match=r"data\.weights names jawiki, but data\.wikis is eswiki, jawiki"):
        Stream(opened, dataclasses.replace(RULES, weights=(("jawiki", 1.0),)))


def test_a_read_that_fails_in_a_worker_ends_the_iterator_with_its_error(fresh_corpus):
    broken = open_corpus(DataSettings(**fresh_corpus.data))
    for path in fresh_corpus.wiki("jawiki").glob("*.parquet"):
        path.write_bytes(b"x" * path.stat().st_size)
    iterator = Stream(broken, RULES).batches(workers=2)
    with pytest.raises(ConfigurationError, match=r"row group \d of .*wiki=jawiki"):
        deque(iterator, maxlen=0)


# --- the semantics -------------------------------------------------------------------------------------------------------


def original(documents, probability, strategy, tags, length, mask_names):
    """The original's algorithm: BOS and text; names from the last link to the first; concatenate; cut; mask.

    `documents` are rows of the encoded table in the order of the run. Labels are made from the cut sequences alone, by
    reading the tags, as the original's collator does; a sequence that begins inside a name continues the state of the last one.
    """
    stream = []
    for row in documents:
        ids = [1, *row["input_ids"]]
        names = np.split(np.array(row["name_ids"]), np.cumsum(row["name_lengths"])[:-1]) if row["name_lengths"] else []
        links = list(zip(row["entity_start"], row["entity_end"], names, strict=True))
        for start, end, name in reversed(links):
            if probability == 0:
                continue
            block = [OPEN, *name.tolist(), CLOSE] if tags else name.tolist()
            if strategy == "left":
                ids = ids[: start + 1] + block + ids[start + 1 :]
            if strategy == "right":
                ids = ids[: end + 1] + block + ids[end + 1 :]
            if strategy == "replace":
                ids = ids[: start + 1] + block + ids[end + 1 :]
        stream += ids
    sequences = [stream[at : at + length] for at in range(0, len(stream) - length + 1, length)]
    labels, inside = [], False
    for sequence in sequences:
        labels.append([])
        for token in sequence:
            inside = (inside or token == OPEN) and token != CLOSE
            masked = token in (OPEN, CLOSE) or (inside and mask_names)
            labels[-1].append(IGNORED if masked else token)
    return sequences, labels


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize(("tags", "mask_names"), [(True, False), (True, True), (False, False)])
def test_the_stream_is_the_originals_for_the_same_order_of_documents(corpus, single, strategy, probability, tags, mask_names):
    rules = dataclasses.replace(
        EPOCH, strategy=strategy, probability=probability, tags=(OPEN, CLOSE) if tags else None, predict_names=not mask_names
    )
    stream = Stream(single, rules)
    documents = [corpus.rows["jawiki"][d] for epoch in range(3) for d in stream.plan.wikis[0].epoch(epoch).order.tolist()]
    p = 0.0 if strategy == "none" else probability
    sequences, labels = original(documents, p, strategy, tags, RULES.sequence_length, mask_names)
    assert len(sequences) > 100
    batches = [stream.batch(number) for number in range(len(sequences))]
    assert [batch.input_ids[0].tolist() for batch in batches] == sequences
    assert [batch.labels[0].tolist() for batch in batches] == labels


def test_the_case_has_sequences_that_are_cut_inside_a_name(single):
    rules = dataclasses.replace(EPOCH, global_batch_size=100, probability=1.0, predict_names=False)
    batch = Stream(single, rules).batch(0)
    cut = [
        k
        for k, (before, after) in enumerate(pairwise(batch.labels.tolist()))
        if before[-1] == after[0] == IGNORED and batch.input_ids[k, -1] != CLOSE and batch.input_ids[k + 1, 0] != OPEN
    ]
    assert cut
    k = cut[0] + 1
    end = batch.input_ids[k].tolist().index(CLOSE)
    assert OPEN not in batch.input_ids[k, :end]
    assert (batch.labels[k, : end + 1] == IGNORED).all()
    assert batch.labels[k, end + 1] in (batch.input_ids[k, end + 1], IGNORED)


def test_names_are_inserted_at_about_half_of_the_links_and_at_others_in_the_next_epoch(opened):
    plan = Stream(opened, RULES).plan.wikis[0]
    first, second = plan.chosen_links(0), plan.chosen_links(1)
    assert 0.35 < first.mean() < 0.65
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
@pytest.mark.parametrize(("bos", "eos"), [(1, None), (None, 2), (1, 2), (None, None)])
def test_counters_add_up_over_an_epoch_and_bos_and_eos_frame_every_document(single, strategy, bos, eos):
    rules = dataclasses.replace(EPOCH, strategy=strategy, bos=bos, eos=eos, sequence_length=8)
    plan = Stream(single, rules).plan.wikis[0]
    size = plan.lane_begin(0, 1)
    assert size == plan.lengths(0).sum()
    whole = Stream(single, dataclasses.replace(rules, sequence_length=size)).batch(0)  # one sequence is the epoch
    chosen = plan.chosen_links(0)
    assert whole.counts.tolist() == [[size, 2 * chosen.sum(), len(chosen), chosen.sum()]]
    tokens = whole.input_ids[0]
    assert (tokens == 1).sum() == (36 if bos else 0)
    assert (tokens == 2).sum() == (36 if eos else 0)
    if bos and eos:
        assert tokens[0] == 1
        assert tokens[-1] == 2
        assert (tokens[np.flatnonzero(tokens == 2)[:-1] + 1] == 1).all()
    # The same links, counted sequence by sequence.
    pieces = Stream(single, dataclasses.replace(rules, global_batch_size=size // 8)).batch(0).counts
    assert (pieces <= whole.counts).all()
    assert (whole.counts - pieces <= 8).all()


@pytest.mark.parametrize("strategy", ["left", "replace"])
@pytest.mark.parametrize(("bos", "eos"), [(1, None), (1, 2), (None, None)])
def test_a_link_is_counted_in_the_sequence_where_its_name_begins(opened, strategy, bos, eos):
    rules = dataclasses.replace(EPOCH, strategy=strategy, probability=1.0, bos=bos, eos=eos, sequence_length=8)
    stream = Stream(opened, rules)
    for k in range(400):
        batch = stream.batch(k)
        opened_here = (batch.input_ids == OPEN).sum()
        assert batch.counts[:, 2:].sum(axis=0).tolist() == [opened_here, opened_here]


def test_a_wiki_without_articles_does_not_change_the_stream_of_others(fresh_corpus, write_shards, opened):
    write_shards(fresh_corpus, "kowiki", [])
    with_empty = open_corpus(DataSettings(**fresh_corpus.data))  # data names every wiki that was written
    assert Stream(with_empty, RULES).batch(0).input_ids.tolist() == Stream(opened, RULES).batch(0).input_ids.tolist()


# --- several wikis, and held-out articles --------------------------------------------------------------------------------


def documents_seen(stream, sequences):
    """(wiki, page_id) of every document with a token in the sequences."""
    seen = set()
    for k in range(sequences):
        wiki = stream.corpus.wikis[int(stream.plan.places(range(k, k + 1))[0, 0])].documents
        for span in stream.plan.sequence(k):
            seen |= {(wiki.wiki, page) for page in wiki.page_id[span.documents].tolist()}
    return seen


def test_a_sequence_is_of_one_wiki_and_shares_follow_the_weights(wide):
    rules = dataclasses.replace(RULES, weights=(("jawiki", 2.0), ("kowiki", 1.0), ("swwiki", 1.0)))
    stream = Stream(wide, rules)
    counts = sum(stream.batch(number).counts for number in range(50))
    assert counts[:, 0].sum() == 50 * 8 * 32
    assert (counts[:, 0] / counts[:, 0].sum()).tolist() == pytest.approx([0.5, 0.25, 0.25], abs=0.0101)


def test_held_out_articles_never_enter_the_stream_and_form_another_stream(wide):
    rules = dataclasses.replace(RULES, held_out=0.2)
    train = documents_seen(Stream(wide, rules), 1500)
    held_out = documents_seen(Stream(wide, dataclasses.replace(rules, part="held_out")), 600)
    everything = {(wiki.documents.wiki, page) for wiki in wide.wikis for page in wiki.documents.page_id.tolist()}
    assert not train & held_out
    assert train | held_out == everything
    assert 0.1 < len(held_out) / len(everything) < 0.3


def test_the_masked_labels_of_a_sequence_are_those_of_names_and_tags(wide):
    stream = Stream(wide, dataclasses.replace(RULES, predict_names=False))
    for k in range(40):
        batch, row = stream.batch(k // 8), k % 8
        texts = stream.text(k)
        assert np.concatenate([text.tokens for text in texts]).tolist() == batch.input_ids[row].tolist()
        hidden = np.isin(np.concatenate([text.kinds for text in texts]), (NAME, TAG))
        assert (batch.labels[row] == IGNORED).tolist() == hidden.tolist()


# --- document masking ----------------------------------------------------------------------------------------------------


def test_positions_begin_anew_in_every_document_and_no_first_token_is_predicted(wide):
    rules = dataclasses.replace(RULES, mask_documents=True)
    stream, plain = Stream(wide, rules), Stream(wide, RULES)
    for number in range(20):
        batch, unmasked = stream.batch(number), plain.batch(number)
        assert batch.input_ids.tolist() == unmasked.input_ids.tolist()
        for row, (ids, positions) in enumerate(zip(batch.input_ids, batch.positions, strict=True)):
            starts = np.flatnonzero(positions == 0)
            assert set(starts) == {0, *np.flatnonzero(ids == 1)}
            assert (np.diff(positions)[np.setdiff1d(np.arange(31), starts - 1)] == 1).all()
            expected = unmasked.labels[row].copy()
            expected[starts] = IGNORED
            assert batch.labels[row].tolist() == expected.tolist()
        assert unmasked.positions is None
