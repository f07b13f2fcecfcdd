"""Names inserted into tokens: token by token, for every strategy."""

import numpy as np
import pytest

from training.stream.name_insertion import (
    IGNORED,
    NAME,
    TAG,
    TEXT,
    DocumentFrame,
    Links,
    augmented_lengths,
    insert_names,
    label_tokens,
    length_changes,
)

OPEN, CLOSE = 98, 99
TAGS = (OPEN, CLOSE)

# Two links in one document: tokens 11-12 have the name 50 51, token 14 has the name 60; the last link ends the document.
IDS = [10, 11, 12, 13, 14]
TWO_LINKS = Links(np.array([1, 4]), np.array([3, 5]), np.array([2, 1]), np.array([50, 51, 60]))


@pytest.mark.parametrize(
    ("strategy", "chosen", "tags", "tokens", "kinds"),
    [
        ("none", [1, 1], TAGS, "10 11 12 13 14", "....."),
        ("left", [0, 0], TAGS, "10 11 12 13 14", "....."),
        ("right", [0, 0], TAGS, "10 11 12 13 14", "....."),
        ("replace", [0, 0], TAGS, "10 11 12 13 14", "....."),
        ("left", [1, 1], TAGS, "10 98 50 51 99 11 12 13 98 60 99 14", ".tnnt...tnt."),
        ("left", [1, 0], TAGS, "10 98 50 51 99 11 12 13 14", ".tnnt...."),
        ("left", [0, 1], TAGS, "10 11 12 13 98 60 99 14", "....tnt."),
        ("right", [1, 1], TAGS, "10 11 12 98 50 51 99 13 14 98 60 99", "...tnnt..tnt"),
        ("right", [0, 1], TAGS, "10 11 12 13 14 98 60 99", ".....tnt"),
        ("replace", [1, 1], TAGS, "10 98 50 51 99 13 98 60 99", ".tnnt.tnt"),
        ("replace", [1, 0], TAGS, "10 98 50 51 99 13 14", ".tnnt.."),
        ("left", [1, 1], None, "10 50 51 11 12 13 60 14", ".nn...n."),
        ("right", [1, 1], None, "10 11 12 50 51 13 14 60", "...nn..n"),
        ("replace", [1, 1], None, "10 50 51 13 60", ".nn.n"),
    ],
)
def test_a_name_is_inserted_where_the_strategy_says(strategy, chosen, tags, tokens, kinds):
    chosen = np.array(chosen, dtype=bool)
    found, found_kinds = insert_names(np.array(IDS), TWO_LINKS, chosen, strategy, tags)
    assert found.tolist() == [int(token) for token in tokens.split()]
    assert found_kinds.tolist() == [{".": TEXT, "n": NAME, "t": TAG}[kind] for kind in kinds]
    changes = length_changes(TWO_LINKS.end - TWO_LINKS.start, TWO_LINKS.name_lengths, chosen, strategy, 0 if tags is None else 2)
    assert augmented_lengths(np.array([5]), np.array([0, 2]), changes).tolist() == [len(found)]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("left", [98, 50, 99, 10, 98, 51, 99, 11]),
        ("right", [10, 98, 50, 99, 11, 98, 51, 99]),
        ("replace", [98, 50, 99, 98, 51, 99]),
    ],
)
def test_links_that_touch_keep_their_order(strategy, expected):
    links = Links(np.array([0, 1]), np.array([1, 2]), np.array([1, 1]), np.array([50, 51]))
    assert insert_names(np.array([10, 11]), links, np.array([True, True]), strategy, TAGS)[0].tolist() == expected


def test_a_document_without_links_or_tokens_stays_as_it_is():
    nothing = Links(*(np.zeros(0, dtype=np.int64) for _ in range(4)))
    assert insert_names(np.array([7, 8]), nothing, np.zeros(0, dtype=bool), "right", TAGS)[0].tolist() == [7, 8]
    assert insert_names(np.zeros(0, dtype=np.int64), nothing, np.zeros(0, dtype=bool), "left", TAGS)[0].tolist() == []


def insert_one_by_one(ids, links, chosen, strategy, tags):
    """The same in plain Python: from the last link to the first, so that earlier positions stay valid."""
    tokens, names = list(ids), np.split(links.name_ids, np.cumsum(links.name_lengths)[:-1])
    for start, end, name, yes in reversed(list(zip(links.start, links.end, names, chosen, strict=True))):
        if not yes or strategy == "none":
            continue
        block = list(name) if tags is None else [tags[0], *name, tags[1]]
        begin, until = {"left": (start, start), "right": (end, end), "replace": (start, end)}[strategy]
        tokens[begin:until] = block
    return tokens


@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
@pytest.mark.parametrize("tags", [TAGS, None])
def test_insertion_all_at_once_equals_insertion_one_by_one(strategy, tags):
    rng = np.random.default_rng(5)
    for _ in range(20):
        size = int(rng.integers(1, 60))
        bounds = np.sort(rng.choice(size + 1, size=min(2 * int(rng.integers(0, 10)), (size + 1) // 2 * 2), replace=False))
        lengths = rng.integers(0, 4, len(bounds) // 2)
        links = Links(bounds[0::2], bounds[1::2], lengths, rng.integers(100, 200, int(lengths.sum())))
        ids, chosen = rng.integers(3, 90, size), rng.random(len(lengths)) < 0.5
        expected = insert_one_by_one(ids, links, chosen, strategy, tags) if len(lengths) else ids.tolist()
        assert insert_names(ids, links, chosen, strategy, tags)[0].tolist() == expected


@pytest.mark.parametrize(
    ("predict_names", "expected"),
    [(True, [10, IGNORED, 50, 51, IGNORED, 11]), (False, [10, IGNORED, IGNORED, IGNORED, IGNORED, 11])],
)
def test_tags_are_never_predicted_and_names_only_with_predict_names(predict_names, expected):
    tokens, kinds = np.array([10, 98, 50, 51, 99, 11]), np.array([TEXT, TAG, NAME, NAME, TAG, TEXT], dtype=np.uint8)
    assert label_tokens(tokens, kinds, predict_names).tolist() == expected


@pytest.mark.parametrize(("bos", "eos"), [(1, None), (None, 2), (1, 2), (None, None)])
@pytest.mark.parametrize("strategy", ["left", "right", "replace", "none"])
def test_bos_and_eos_frame_every_document_even_an_empty_one(strategy, bos, eos):
    # Three documents: two links, no tokens, one link.
    ids = [*IDS, 20, 21]
    links = Links(np.array([1, 4, 5]), np.array([3, 5, 6]), np.array([2, 1, 1]), np.array([50, 51, 60, 70]))
    counts, chosen, lengths = np.array([2, 0, 1]), np.array([True, False, True]), np.array([5, 0, 2])
    changes = length_changes(links.end - links.start, links.name_lengths, chosen, strategy, 2)
    frames = (bos is not None) + (eos is not None)
    sizes = augmented_lengths(lengths, np.array([0, 2, 2, 3]), changes) + frames
    frame = DocumentFrame(bos, eos, np.concatenate([[0], np.cumsum(sizes)]), counts)
    tokens, kinds = insert_names(np.array(ids), links, chosen, strategy, TAGS, frame)
    expected, expected_kinds = [], []
    for low, high, of in ((0, 5, slice(0, 2)), (5, 5, slice(2, 2)), (5, 7, slice(2, 3))):
        name_ids = {0: links.name_ids[:3], 2: links.name_ids[3:]}[of.start]
        own = Links(links.start[of] - low, links.end[of] - low, links.name_lengths[of], name_ids)
        part, part_kinds = insert_names(np.array(ids[low:high], dtype=np.int64), own, chosen[of], strategy, TAGS)
        expected += [bos] * (bos is not None) + part.tolist() + [eos] * (eos is not None)
        expected_kinds += [TEXT] * (bos is not None) + part_kinds.tolist() + [TEXT] * (eos is not None)
    assert tokens.tolist() == expected
    assert kinds.tolist() == expected_kinds
