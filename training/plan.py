"""Which tokens form sequence k: pure functions of integers. Nothing here opens a file or reads a token.

The stream is endless: epoch 0, epoch 1, and so on, one after the other, cut into sequences of T tokens. A remainder shorter
than T at the end of an epoch is the beginning of the next sequence; nothing is dropped and nothing is padded.

One epoch is laid out in three steps:

1. the row groups of all shards are permuted (by a hash of seed, epoch and row group);
2. runs of `window` row groups in that order form windows, and the documents of a window are permuted together;
3. the cumulative sum of the documents' lengths *after insertion* says where each document begins in the epoch.

So sequence k is tokens [k T, (k + 1) T) of the stream, found by two binary searches. Worked example, with T = 4, documents
a, b, c of 3, 2 and 5 tokens in epoch 0, and the order c, a, b in epoch 1:

    stream      a a a b b c c c c c | c c c c c a a a b b | ...
    sequence    0 0 0 0 1 1 1 1 2 2   2 2 3 3 3 3 4 4 4 4

    >>> begins = cumulative(np.array([3, 2, 5]))
    >>> begins.tolist()
    [0, 3, 5, 10]
    >>> [piece(begins, 4, 8)[i].tolist() for i in range(3)]  # sequence 1: all of b but its first token, three tokens of c
    [[1, 2], [1, 0], [2, 3]]

The theorem that rests on this: the tokens of sequence k are a function of (data, configuration, seed, k). No function below
knows a rank but `rank_slice`, which only says who trains on which k, so the stream is the same for every number of ranks,
loader workers and accumulation steps, and after any number of restarts.

Limits: an epoch's layout is made in one go. It is kept in 16 bytes a document (of two epochs), and making it takes up to 40
bytes a document, or 16 and 55 MB for a block of a million links, whichever is more (measured with 1 and 2 million documents of
10 and 40 links). Seeking to an epoch makes the layouts of those before it. And because the documents of a window are dealt
to all ranks, every rank reads the row groups of every window.
"""

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.counter_hash import fold, mix, permutation, text_key
from training.insertion import Strategy, augmented_lengths, choose, growth

Int64s = npt.NDArray[np.int64]

PLAN_VERSION = 1
"""Raised whenever the same inputs would give another stream; part of the fingerprint."""


@dataclass(frozen=True)
class Documents:
    """The narrow columns of a corpus, flat over its row groups in canonical order (wiki, shard, row group, row)."""

    wikis: tuple[str, ...]
    wiki: npt.NDArray[np.int32]
    """[documents] index into `wikis`."""
    page_id: Int64s
    """[documents]."""
    num_tokens: npt.NDArray[np.int32]
    """[documents] before insertion, without BOS or EOS."""
    row_group_offsets: Int64s
    """[row groups + 1] first document of each row group."""
    link_offsets: Int64s
    """[documents + 1] first link of each document."""
    span_lengths: npt.NDArray[np.int32]
    """[links] tokens that the link covers."""
    name_lengths: npt.NDArray[np.int32]
    """[links] tokens of the link's name."""


@dataclass(frozen=True)
class StreamRules:
    """All that decides the stream beside the data. Token ids stand for themselves: another id is another stream."""

    seed: int
    sequence_length: int
    shuffle_window: int
    strategy: Strategy
    probability: float
    tags: tuple[int, int] | None
    bos: int | None
    eos: int | None
    predict_names: bool

    @property
    def frame(self) -> int:
        """Tokens around each document: BOS, EOS."""
        return (self.bos is not None) + (self.eos is not None)

    @property
    def num_tags(self) -> int:
        """Tags around a name."""
        return 0 if self.tags is None else 2


class Piece(NamedTuple):
    """Tokens [start, stop) of a document as it stands in an epoch, BOS, EOS and names included."""

    epoch: int
    document: int
    start: int
    stop: int


class Epoch(NamedTuple):
    """The layout of one epoch."""

    order: Int64s
    """[documents] the document at each position."""
    begins: Int64s
    """[documents + 1] first token of each position, counted from the beginning of the epoch."""


def fingerprint(data: Any, rules: StreamRules) -> str:
    """Identity of a stream: 32 hex digits over the data's fingerprint, the rules and the version of this layout."""
    content = {"plan_version": PLAN_VERSION, "data": data, "rules": rules.__dict__}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def document_order(row_group_offsets: Int64s, seed: int, epoch: int, window: int) -> Int64s:
    """[documents] the order of an epoch: permuted row groups, then permuted documents in each run of `window` row groups."""
    key = fold(mix(seed), epoch)
    groups = permutation(fold(key, text_key("row groups")), len(row_group_offsets) - 1)
    window_of_group = np.empty_like(groups)
    window_of_group[groups] = np.arange(len(groups)) // window
    document_window = np.repeat(window_of_group, np.diff(row_group_offsets))
    draw = fold(fold(key, text_key("documents")), np.arange(len(document_window)))
    order: Int64s = np.lexsort((draw, document_window))
    return order


def cumulative(lengths: npt.NDArray[np.integer]) -> Int64s:
    """[n + 1] where each of n things begins when they lie one after the other, and where the last one ends."""
    begins = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=begins[1:])
    return begins


def blocks(link_offsets: Int64s, links_in_block: int) -> list[int]:
    """Cut documents into blocks of at least `links_in_block` links, and less than one document's links more.

    Returns:
        The first document of each block, and at the end the number of documents. The last block may be smaller.

    >>> blocks(cumulative(np.array([3, 0, 2, 9, 1])), links_in_block=4)
    [0, 3, 4, 5]
    """
    documents = len(link_offsets) - 1
    firsts = [0]
    while firsts[-1] < documents:
        enough = np.searchsorted(link_offsets, link_offsets[firsts[-1]] + links_in_block)
        firsts.append(min(int(enough), documents))
    return firsts


def piece(begins: Int64s, low: int, high: int) -> tuple[Int64s, Int64s, Int64s]:
    """Which parts of which positions make up tokens [low, high) of an epoch.

    Returns:
        (positions, starts, stops): at each position, tokens [start, stop) counted from that position's first token; empty
        positions are left out.
    """
    first = int(np.searchsorted(begins, low, side="right")) - 1
    last = int(np.searchsorted(begins, high, side="left"))
    positions = np.arange(first, last)
    starts = np.maximum(low - begins[positions], 0)
    stops = np.minimum(high, begins[positions + 1]) - begins[positions]
    filled = stops > starts
    return positions[filled], starts[filled], stops[filled]


def rank_slice(batch: int, global_batch_size: int, rank: int, ranks: int) -> range:
    """The sequences of one rank in a global batch: a contiguous slice, so that ranks in order give the batch in order."""
    if global_batch_size % ranks:
        raise ValueError(f"a global batch of {global_batch_size} sequences cannot be dealt evenly to {ranks} ranks")
    share = global_batch_size // ranks
    begin = batch * global_batch_size + rank * share
    return range(begin, begin + share)


class Plan:
    """The stream of a corpus under given rules: sequence k -> pieces of documents, for any k, in any order.

    Holds no position: what it keeps are layouts of recent epochs and the number of tokens of each epoch seen, both of which
    follow from its arguments.
    """

    _KEPT_EPOCHS = 2  # a sequence may reach over the end of an epoch

    def __init__(self, documents: Documents, rules: StreamRules) -> None:
        self.documents = documents
        self.rules = rules
        self._epoch_begins = [0]
        self._layouts: OrderedDict[int, Epoch] = OrderedDict()

    def chosen(self, epoch: int, first: int = 0, last: int | None = None) -> npt.NDArray[np.bool_]:
        """[links of documents first .. last - 1] which of them get their name in an epoch."""
        documents, rules = self.documents, self.rules
        last = len(documents.page_id) if last is None else last
        offsets = documents.link_offsets[first : last + 1]
        wiki, page_id = documents.wiki[first:last], documents.page_id[first:last]
        probability = 0.0 if rules.strategy == "none" else rules.probability
        return choose(
            seed=rules.seed,
            epoch=epoch,
            wikis=documents.wikis,
            wiki=wiki,
            page_id=page_id,
            link_offsets=offsets,
            probability=probability,
        )

    def lengths(self, epoch: int, links_in_block: int = 1 << 20) -> Int64s:
        """[documents] tokens of each document in an epoch, with names, BOS and EOS.

        Worked out in blocks of whole documents that hold about `links_in_block` links, which bounds the memory.
        """
        d, rules = self.documents, self.rules
        lengths = np.empty(len(d.page_id), dtype=np.int64)
        for first, last in pairwise(blocks(d.link_offsets, links_in_block)):
            links = slice(d.link_offsets[first], d.link_offsets[last])
            chosen = self.chosen(epoch, first, last)
            grown = growth(d.span_lengths[links], d.name_lengths[links], chosen, rules.strategy, rules.num_tags)
            lengths[first:last] = augmented_lengths(d.num_tokens[first:last], d.link_offsets[first : last + 1], grown)
        lengths += rules.frame
        return lengths

    def epoch(self, epoch: int) -> Epoch:
        """The layout of an epoch."""
        if epoch not in self._layouts:
            order = document_order(self.documents.row_group_offsets, self.rules.seed, epoch, self.rules.shuffle_window)
            self._layouts[epoch] = Epoch(order, cumulative(self.lengths(epoch)[order]))
            if len(self._layouts) > self._KEPT_EPOCHS:
                self._layouts.popitem(last=False)
        return self._layouts[epoch]

    def epoch_begin(self, epoch: int) -> int:
        """First token of an epoch, counted from the beginning of the stream."""
        while len(self._epoch_begins) <= epoch:
            size = int(self.epoch(len(self._epoch_begins) - 1).begins[-1])
            if size == 0:
                raise ValueError("the corpus holds no tokens, so there is no stream: choose wikis that have articles")
            self._epoch_begins.append(self._epoch_begins[-1] + size)
        return self._epoch_begins[epoch]

    def epoch_of(self, token: int) -> int:
        """The epoch that a token of the stream belongs to."""
        while self.epoch_begin(len(self._epoch_begins) - 1) <= token:
            self.epoch_begin(len(self._epoch_begins))
        return int(np.searchsorted(self._epoch_begins, token, side="right")) - 1

    def sequence(self, k: int) -> list[Piece]:
        """The pieces of sequence k, in order; their lengths add up to the sequence length."""
        low, high = k * self.rules.sequence_length, (k + 1) * self.rules.sequence_length
        pieces = []
        while low < high:
            epoch = self.epoch_of(low)
            begin, end = self.epoch_begin(epoch), self.epoch_begin(epoch + 1)
            layout = self.epoch(epoch)
            positions, starts, stops = piece(layout.begins, low - begin, min(high, end) - begin)
            columns = (layout.order[positions].tolist(), starts.tolist(), stops.tolist())
            pieces += [Piece(epoch, *part) for part in zip(*columns, strict=True)]
            low = min(high, end)
        return pieces
