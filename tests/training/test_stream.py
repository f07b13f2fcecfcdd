"""The stream from real Parquet: its theorem and its semantics against an independent oracle."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from training.config import DataSettings
from training.corpus import open_corpus
from training.insertion import IGNORED
from training.plan import StreamRules, document_order
from training.stream import RollingHash, Stream

OPEN, CLOSE = 900, 901
RULES = StreamRules(
    seed=11,
    sequence_length=32,
    shuffle_window=3,
    strategy="right",
    probability=0.5,
    tags=(OPEN, CLOSE),
    bos=1,
    eos=None,
    predict_names=True,
)


@pytest.fixture(scope="module")
def opened(corpus):
    return open_corpus(DataSettings(**corpus.data))


def consume(stream, batch_size, ranks, batches):
    """All tokens and labels in the order of the stream, and the rolling hash, as `ranks` ranks see them together."""
    tokens, targets, rolling = [], [], RollingHash()
    for number in batches:
        parts = [stream.batch(number, batch_size, rank, ranks) for rank in range(ranks)]
        tokens += [part.input_ids for part in parts]
        targets += [part.labels for part in parts]
        rolling.update(np.concatenate([part.digests for part in parts]))
    return np.concatenate(tokens).ravel().tolist(), np.concatenate(targets).ravel().tolist(), rolling.value


# --- the theorem ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_the_stream_is_the_same_for_every_number_of_ranks(opened, ranks):
    expected = consume(Stream(opened, RULES), 8, 1, range(25))
    assert consume(Stream(opened, RULES), 8, ranks, range(25)) == expected


def test_ranks_with_streams_of_their_own_see_the_same_data(opened):
    streams = [Stream(opened, RULES) for _ in range(4)]
    parts = [[streams[rank].batch(b, 8, rank, 4).input_ids for rank in range(4)] for b in range(10)]
    assert (
        np.concatenate([np.concatenate(p) for p in parts]).ravel().tolist() == consume(Stream(opened, RULES), 8, 1, range(10))[0]
    )


def test_the_tokens_do_not_depend_on_the_size_of_the_batch(opened):
    assert consume(Stream(opened, RULES), 8, 1, range(12))[:2] == consume(Stream(opened, RULES), 24, 3, range(4))[:2]


@pytest.mark.parametrize("stop", [1, 7, 24])
def test_a_restart_continues_where_the_run_stopped(opened, stop):
    whole = consume(Stream(opened, RULES), 8, 1, range(25))
    before, after = consume(Stream(opened, RULES), 8, 2, range(stop)), consume(Stream(opened, RULES), 8, 4, range(stop, 25))
    assert before[0] + after[0] == whole[0]
    assert before[1] + after[1] == whole[1]


def test_a_rolling_hash_continues_from_its_value(opened):
    digests = [Stream(opened, RULES).batch(b, 4).digests for b in range(3)]
    whole = RollingHash()
    for part in digests:
        whole.update(part)
    first = RollingHash()
    first.update(digests[0])
    resumed = RollingHash(first.value)
    resumed.update(digests[1])
    assert resumed.update(digests[2]) == whole.value


@pytest.mark.parametrize("change", [{"seed": 12}, {"strategy": "left"}, {"predict_names": False}, {"shuffle_window": 1}])
def test_the_hash_tells_different_streams_apart(opened, change):
    changed = dataclasses.replace(RULES, **change)
    assert consume(Stream(opened, changed), 8, 1, range(3))[2] != consume(Stream(opened, RULES), 8, 1, range(3))[2]
    assert Stream(opened, changed).fingerprint != Stream(opened, RULES).fingerprint


def test_the_order_of_wikis_in_the_configuration_does_not_matter(corpus, opened):
    swapped = open_corpus(DataSettings(**corpus.data | {"wikis": ["jawiki", "eswiki"]}))
    assert swapped.fingerprint == opened.fingerprint


# --- the semantics -------------------------------------------------------------------------------------------------------


def original(documents, probability, strategy, tags, length, mask_names):
    """The original's algorithm in plain words: BOS and text; names from the last link to the first; concatenate; cut; mask.

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
def test_the_stream_is_the_originals_for_the_same_order_of_documents(corpus, opened, strategy, probability, tags, mask_names):
    rows = [row for wiki in sorted(corpus.rows) for row in corpus.rows[wiki]]
    offsets = opened.documents.row_group_offsets
    order = [document for epoch in range(3) for document in document_order(offsets, RULES.seed, epoch, RULES.shuffle_window)]
    documents = [rows[document] for document in order]
    p = 0.0 if strategy == "none" else probability
    sequences, labels = original(documents, p, strategy, tags, RULES.sequence_length, mask_names)
    assert len(sequences) > 200
    rules = dataclasses.replace(
        RULES, strategy=strategy, probability=probability, tags=(OPEN, CLOSE) if tags else None, predict_names=not mask_names
    )
    batch = Stream(opened, rules).batch(0, len(sequences))
    assert batch.input_ids.tolist() == sequences
    assert batch.labels.tolist() == labels


def test_the_case_holds_sequences_that_are_cut_inside_a_name(opened):
    batch = Stream(opened, dataclasses.replace(RULES, probability=1.0, predict_names=False)).batch(0, 100)
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
    stream = Stream(opened, RULES)
    first, second = stream.plan.chosen(0), stream.plan.chosen(1)
    assert 0.35 < first.mean() < 0.65
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
@pytest.mark.parametrize(("bos", "eos"), [(1, None), (None, 2), (1, 2), (None, None)])
def test_counters_add_up_over_an_epoch_and_bos_and_eos_frame_every_document(opened, strategy, bos, eos):
    rules = dataclasses.replace(RULES, strategy=strategy, bos=bos, eos=eos, sequence_length=8)
    stream = Stream(opened, rules)
    size = stream.plan.epoch_begin(1)
    assert size == stream.plan.lengths(0).sum()
    whole = Stream(opened, dataclasses.replace(rules, sequence_length=size)).batch(0, 1)  # one sequence is the epoch
    chosen = stream.plan.chosen(0)
    links_of_wiki = [np.repeat(opened.documents.wiki, np.diff(opened.documents.link_offsets)) == wiki for wiki in (0, 1)]
    assert whole.counts[:, 0].sum() == size
    assert whole.counts[:, 1].tolist() == [2 * (chosen & own).sum() for own in links_of_wiki]
    assert whole.counts[:, 2].tolist() == [own.sum() for own in links_of_wiki]
    assert whole.counts[:, 3].tolist() == [(chosen & own).sum() for own in links_of_wiki]
    tokens = whole.input_ids[0]
    assert (tokens == 1).sum() == (72 if bos else 0)
    assert (tokens == 2).sum() == (72 if eos else 0)
    if bos and eos:
        assert tokens[0] == 1
        assert tokens[-1] == 2
        assert (tokens[np.flatnonzero(tokens == 2)[:-1] + 1] == 1).all()
    # The same links, counted sequence by sequence.
    pieces = Stream(opened, rules).batch(0, size // 8).counts
    assert (pieces <= whole.counts).all()
    assert (whole.counts.sum(axis=0) - pieces.sum(axis=0) <= 8).all()


@pytest.mark.parametrize("strategy", ["left", "replace"])
@pytest.mark.parametrize(("bos", "eos"), [(1, None), (1, 2), (None, None)])
def test_a_link_is_counted_in_the_sequence_where_its_name_begins(opened, strategy, bos, eos):
    stream = Stream(opened, dataclasses.replace(RULES, strategy=strategy, probability=1.0, bos=bos, eos=eos, sequence_length=8))
    for k in range(400):
        batch = stream.batch(k, 1)
        opened_here = (batch.input_ids == OPEN).sum()
        assert batch.counts[:, 2:].sum(axis=0).tolist() == [opened_here, opened_here]


def test_a_wiki_without_articles_does_no_harm_beside_others(fresh_corpus, write_shards, opened):
    write_shards(fresh_corpus, "kowiki", [])
    with_empty = open_corpus(DataSettings(**fresh_corpus.data))  # data names every wiki that was written
    assert Stream(with_empty, RULES).batch(0, 8).input_ids.tolist() == Stream(opened, RULES).batch(0, 8).input_ids.tolist()
