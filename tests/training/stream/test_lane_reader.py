"""The tokens of a lane."""

import dataclasses

import numpy as np
import pytest

from training.config import DataSettings
from training.data.encoded_corpus import open_corpus
from training.stream.lane_reader import LaneReader, LaneText
from training.stream.stream_rules import StreamRules
from training.stream.wiki_plan import WikiPlan

RULES = StreamRules(
    seed=11,
    sequence_length=16,
    global_batch_size=8,
    slots=8,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(900, 901),
    bos=1,
    eos=None,
    predict_names=True,
)

# Documents 4 and 2 of 6 and 4 tokens; links at tokens 1, 5 and 8, of which the second has no name.
TEXT = LaneText(
    tokens=np.arange(100, 110, dtype=np.uint32),
    kinds=np.arange(10, dtype=np.uint8),
    documents=np.array([4, 2]),
    begins=np.array([0, 6, 10]),
    anchors=np.array([1, 5, 8]),
    inserted=np.array([0, 1, 1, 2]),
)


@pytest.mark.parametrize(
    ("low", "high", "documents", "begins", "anchors", "names"),
    [
        (0, 10, [4, 2], [0, 6, 10], [1, 5, 8], 2),
        (0, 6, [4], [0, 6], [1, 5], 1),
        (6, 10, [2], [0, 4], [2], 1),
        (3, 8, [4, 2], [-3, 3, 7], [2], 0),
        (2, 5, [4], [-2, 4], [], 0),
    ],
)
def test_a_part_has_its_tokens_documents_and_the_links_that_are_anchored_in_it(low, high, documents, begins, anchors, names):
    part = TEXT.part(low, high)
    assert part.tokens.tolist() == list(range(100 + low, 100 + high))
    assert part.kinds.tolist() == list(range(low, high))
    assert (part.documents.tolist(), part.begins.tolist(), part.anchors.tolist()) == (documents, begins, anchors)
    assert part.names == names


@pytest.fixture(scope="module")
def wiki(corpus):
    return open_corpus(DataSettings(**corpus.data | {"wikis": ["jawiki"]})).wikis[0]


def read_tokens(reader, first, last):
    return np.concatenate([part.tokens for part in reader.read(first, last)]).tolist()


def test_sequences_are_the_same_however_they_are_read(wiki):
    plan = WikiPlan(wiki.documents, RULES)
    whole = read_tokens(LaneReader(wiki, plan, 0), 0, 40)
    one_by_one, backwards = LaneReader(wiki, plan, 0), LaneReader(wiki, plan, 0)
    assert [token for index in range(40) for token in read_tokens(one_by_one, index, index + 1)] == whole
    parts = [read_tokens(backwards, index, index + 5) for index in range(35, -1, -5)]
    assert [token for part in reversed(parts) for token in part] == whole
    assert len(whole) == 40 * 16


def test_without_names_a_lane_is_its_documents_with_bos_one_after_the_other(wiki, corpus):
    plan = WikiPlan(wiki.documents, dataclasses.replace(RULES, strategy="none"))
    layout = plan.epoch(0)
    documents = layout.order[layout.lane_positions[0] : layout.lane_positions[1]].tolist()
    expected = [token for document in documents for token in [1, *corpus.rows["jawiki"][document]["input_ids"]]]
    sequences = len(expected) // 16
    assert sequences > 10
    assert read_tokens(LaneReader(wiki, plan, 0), 0, sequences) == expected[: sequences * 16]
