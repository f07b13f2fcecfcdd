"""Which tokens form sequence k: pure functions of integers. Nothing here opens a file of the corpus or reads a token.

    The stream is a pure function of (data, rules, seed, k). It does not depend on the number of ranks, loader workers or
    accumulation steps, nor on how often the job was stopped.

**From k to a lane.** A global batch of B sequences is cut into L slots of n = B / L. Sequence k is number j of batch b, so it is
the (b n + j mod n)-th sequence of slot j // n. A wiki's row groups are dealt to L' lanes (`training.stream.lanes`; L' = L, or a divisor
of L for a small wiki), so R = L / L' slots share a lane, slot s being number s mod R of those of lane s // R: the slot's m-th
sequence of that wiki is sequence m R + s mod R of the lane. (Of several wikis, `training.stream.source_mixture` says which one it is.)

**From a lane to documents.** A lane is endless: epoch 0, epoch 1, and so on, each a permutation of the lane's documents, one
after the other, cut into sequences of T tokens. A remainder shorter than T at the end of an epoch is the beginning of the next
sequence; nothing is dropped and nothing is padded. Whether link j of a document gets its name is a hash of (seed, epoch, wiki,
page_id, j), so lengths after insertion follow from narrow columns, and their cumulative sums say where each document begins.

Worked example: B = 4, L = 2, T = 4, one wiki, two lanes. Lane 0 has documents a, b of 3 and 2 tokens, in the order b, a in epoch
1; lane 1 has document c of 6 tokens.

    lane 0     a a a b | b b b a | a a ...     lane 1     c c c c | c c c c | c c c c | ...
               epoch 0 . 0 epoch 1 ....                   epoch 0 ... 0 1 ... epoch 1 . 1
    batch 0    sequences 0, 1: the first two of lane 0;  2, 3: the first two of lane 1

    >>> slot, index = locate(np.arange(8), batch_size=4, slots=2)
    >>> slot.tolist(), index.tolist()
    ([0, 0, 1, 1, 0, 0, 1, 1], [0, 1, 0, 1, 2, 3, 2, 3])
    >>> begins = cumulative(np.array([3, 2]))  # lane 0 in epoch 0
    >>> cut(begins, 0, 4)  # sequence 0: documents at positions 0 and 1, from the first token
    (0, 2, 0)
    >>> cut(begins, 4, 5)  # sequence 1 begins with one token of b, from its second ...
    (1, 2, 1)
    >>> cut(cumulative(np.array([2, 3])), 0, 3)  # ... and goes on in epoch 1
    (0, 2, 0)

**What a rank reads.** Ranks take contiguous slices of a batch, so a rank needs the lanes of its slots only. Where the world size
divides L', every row group is read by one rank, once in an epoch (and once more after a restart, if it was under way).

**The end of an epoch.** Each lane goes on to its own next epoch: nothing waits. All lanes take the same number of tokens, and
before insertion no two differ by more than a tenth (`lanes.MAX_IMBALANCE`), so after e epochs no lane is ahead of another by
more than a tenth of e epochs, and by what names add to one lane more than to another: `encode` has mixed the articles, so lanes
of thousands of them differ by less than a percent there.

**State** is (fingerprint of the plan, number of the next batch). Seeking is two binary searches. The layout of an epoch takes 12
bytes a document, computed once for each epoch or mapped from the cache (`training.data.array_cache`); to reach epoch e, the layouts of
the epochs before it must have been made, because their lengths say where e begins.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from spark_jobs.common.link_sampling import Strategy, choose_links
from spark_jobs.common.stateless_random import fold, mix, text_key, uniform
from training.data.array_cache import PlanCache
from training.stream import source_mixture as mixture
from training.stream.lanes import deal, document_order, imbalance, number_of_lanes
from training.stream.name_insertion import augmented_lengths, growth

Int64s = npt.NDArray[np.int64]
Part = Literal["train", "held_out"]

PLAN_VERSION = 2
"""Raised whenever the same inputs would give another stream; part of the fingerprint."""


@dataclass(frozen=True)
class Documents:
    """The narrow columns of one wiki, flat over its row groups in canonical order (shard, row group, row)."""

    wiki: str
    fingerprint: str
    """Of the wiki's shards."""
    page_id: Int64s
    """[documents]."""
    num_tokens: npt.NDArray[np.integer]
    """[documents] before insertion, without BOS or EOS."""
    row_group_offsets: Int64s
    """[row groups + 1] first document of each row group."""
    link_offsets: Int64s
    """[documents + 1] first link of each document."""
    span_lengths: npt.NDArray[np.integer]
    """[links] tokens that the link covers."""
    name_lengths: npt.NDArray[np.integer]
    """[links] tokens of the link's name."""


@dataclass(frozen=True)
class StreamRules:
    """All that decides the stream beside the data. Token ids stand for themselves: another id is another stream."""

    seed: int
    sequence_length: int
    global_batch_size: int
    slots: int
    """A divisor of the global batch size: the most lanes that a wiki can have."""
    shuffle_window: int
    strategy: Strategy
    probability: float
    tags: tuple[int, int] | None
    bos: int | None
    eos: int | None
    predict_names: bool
    mask_documents: bool = False
    """Whether a token sees its own document only."""
    temperature: float = 1.0
    weights: tuple[tuple[str, float], ...] | None = None
    """(wiki, weight) of each wiki, sorted; takes the place of the temperature."""
    held_out: float = 0.0
    """Share of the documents that the stream leaves out, by a hash of (wiki, page_id) alone."""
    part: Part = "train"
    """held_out: the stream of what `train` leaves out."""

    @property
    def frame(self) -> int:
        """Tokens around each document: BOS, EOS."""
        return (self.bos is not None) + (self.eos is not None)

    @property
    def num_tags(self) -> int:
        """Tags around a name."""
        return 0 if self.tags is None else 2


class Span(NamedTuple):
    """Tokens [skip, skip + length) of some documents of an epoch, laid one after the other, BOS, EOS and names included."""

    epoch: int
    documents: npt.NDArray[np.integer]
    """In order; `skip` lies in the first one, the end in the last one."""
    skip: int
    length: int


class Epoch(NamedTuple):
    """The layout of a wiki in one epoch."""

    order: npt.NDArray[np.integer]
    """[documents that take part] lane by lane, in the order of the epoch."""
    lane_positions: Int64s
    """[lanes + 1] first position of each lane in `order`."""
    begins: Int64s
    """[documents that take part + 1] first token of each position, counted from the beginning of lane 0."""

    def totals(self) -> Int64s:
        """[lanes] tokens of each lane."""
        return np.diff(self.begins[self.lane_positions])


def identity(data: Mapping[str, str], rules: StreamRules) -> dict[str, Any]:
    """All that the stream is a function of, as plain values: `data` maps each wiki to the fingerprint of its shards."""
    content = {"plan_version": PLAN_VERSION, "data": dict(sorted(data.items())), "rules": asdict(rules)}
    return json.loads(json.dumps(content))  # type: ignore[no-any-return]


def fingerprint(of: Mapping[str, Any]) -> str:
    """32 hex digits over an `identity`."""
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:32]


def rule_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What differs between two identities, a line for each value.

    >>> rule_differences({"rules": {"seed": 1, "bos": 1}}, {"rules": {"seed": 2, "bos": 1}})
    ['rules.seed: 1 there, 2 here']
    """
    lines = []
    for key in sorted({*there, *here}):
        one, other = there.get(key), here.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            lines += [f"{key}.{line}" for line in rule_differences(one, other)]
        elif one != other:
            lines.append(f"{key}: {one!r} there, {other!r} here")
    return lines


def cumulative(lengths: npt.NDArray[np.integer]) -> Int64s:
    """[n + 1] where each of n things begins when they lie one after the other, and where the last one ends."""
    begins = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=begins[1:])
    return begins


def locate(k: Int64s, batch_size: int, slots: int) -> tuple[Int64s, Int64s]:
    """(slot, which of the slot's sequences) for each sequence k of the stream."""
    batch, j = np.divmod(k, batch_size)
    in_slot = batch_size // slots
    return j // in_slot, batch * in_slot + j % in_slot


def cut(begins: Int64s, low: int, high: int) -> tuple[int, int, int]:
    """Which positions hold tokens [low, high), low < high: (first, last + 1, tokens to skip in the first)."""
    first = int(np.searchsorted(begins, low, side="right")) - 1
    last = int(np.searchsorted(begins, high, side="left"))
    return first, last, low - int(begins[first])


def rank_slice(batch: int, global_batch_size: int, rank: int, ranks: int) -> range:
    """The sequences of one rank in a global batch: a contiguous slice, so that ranks in order give the batch in order."""
    if global_batch_size % ranks:
        raise ValueError(f"a global batch of {global_batch_size} sequences cannot be dealt evenly to {ranks} ranks")
    share = global_batch_size // ranks
    begin = batch * global_batch_size + rank * share
    return range(begin, begin + share)


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


def is_held_out(wiki: str, page_id: Int64s, share: float) -> npt.NDArray[np.bool_]:
    """[documents] whether each is held out: a function of (wiki, page_id) alone, so that runs of all seeds leave out the same.

    A larger share holds out the same documents and more.
    """
    return uniform(fold(fold(mix(text_key("held out")), text_key(wiki)), page_id)) < share


def chosen_links(
    wiki: str, page_id: npt.NDArray[np.integer], link_offsets: Int64s, epoch: int, rules: StreamRules
) -> npt.NDArray[np.bool_]:
    """[links of some documents] which of them get their name in an epoch."""
    probability = 0.0 if rules.strategy == "none" else rules.probability
    return choose_links(
        seed=rules.seed, epoch=epoch, wiki=wiki, page_id=page_id, link_offsets=link_offsets, probability=probability
    )


class WikiPlan:
    """The lanes of one wiki: sequence i of a lane -> spans of documents.

    Holds no position: what it keeps are layouts of recent epochs and the tokens of each epoch seen, which follow from its
    arguments.
    """

    _KEPT_EPOCHS = 3  # a sequence may reach over the end of an epoch, and lanes are not all in the same one

    def __init__(self, documents: Documents, rules: StreamRules, cache: PlanCache | None = None) -> None:
        self.documents, self.rules = documents, rules
        self._cache = cache or PlanCache(None)
        self._kept = None
        if rules.held_out > 0 or rules.part == "held_out":
            held_out = is_held_out(documents.wiki, documents.page_id, rules.held_out)
            self._kept = held_out if rules.part == "held_out" else ~held_out
        tokens = documents.num_tokens.astype(np.int64) + rules.frame
        if self._kept is not None:
            tokens[~self._kept] = 0
        of_group = np.diff(cumulative(tokens)[documents.row_group_offsets])
        self.tokens = int(of_group.sum())
        """Before insertion, BOS and EOS included, of the documents that take part."""
        self.lanes = number_of_lanes(of_group, rules.slots) if self.tokens else 1
        self.lane_of_group = deal(of_group, self.lanes)
        self.imbalance = imbalance(of_group, self.lane_of_group, self.lanes) if self.tokens else 0.0
        self._key = int(fold(mix(rules.seed), text_key(documents.wiki)))
        self._lock = threading.RLock()  # loader threads share a plan
        self._layouts: OrderedDict[int, Epoch] = OrderedDict()
        self._lane_begins = [np.zeros(self.lanes, dtype=np.int64)]

    def chosen(self, epoch: int, first: int = 0, last: int | None = None) -> npt.NDArray[np.bool_]:
        """[links of documents first .. last - 1] which of them get their name in an epoch."""
        d = self.documents
        last = len(d.page_id) if last is None else last
        return chosen_links(d.wiki, d.page_id[first:last], d.link_offsets[first : last + 1], epoch, self.rules)

    def lengths(self, epoch: int, links_in_block: int = 1 << 20) -> Int64s:
        """[documents] tokens of each document in an epoch, with names, BOS and EOS; held-out ones too.

        Worked out in blocks of whole documents that hold about `links_in_block` links, which bounds the memory.
        """
        d, rules = self.documents, self.rules
        lengths = np.empty(len(d.page_id), dtype=np.int64)
        for first, last in pairwise(blocks(d.link_offsets, links_in_block)):
            links = slice(d.link_offsets[first], d.link_offsets[last])
            grown = growth(
                d.span_lengths[links], d.name_lengths[links], self.chosen(epoch, first, last), rules.strategy, rules.num_tags
            )
            lengths[first:last] = augmented_lengths(d.num_tokens[first:last], d.link_offsets[first : last + 1], grown)
        lengths += rules.frame
        return lengths

    def epoch(self, epoch: int) -> Epoch:
        """The layout of an epoch."""
        with self._lock:
            if epoch not in self._layouts:
                arrays = self._cache.arrays(self._layout_key(epoch), lambda: self._lay_out(epoch)._asdict())
                self._layouts[epoch] = Epoch(**arrays)
                if len(self._layouts) > self._KEPT_EPOCHS:
                    self._layouts.popitem(last=False)
            self._layouts.move_to_end(epoch)
            return self._layouts[epoch]

    def _lay_out(self, epoch: int) -> Epoch:
        order, lane_positions = document_order(
            self.documents.row_group_offsets, self.lane_of_group, self._kept, self._key, epoch, self.rules.shuffle_window
        )
        return Epoch(order, lane_positions, cumulative(self.lengths(epoch)[order]))

    def _layout_key(self, epoch: int) -> str:
        """What a layout depends on: more runs share a layout than share a stream."""
        rules = self.rules
        names = ("seed", "shuffle_window", "strategy", "probability", "num_tags", "frame", "held_out", "part")
        content = {name: getattr(rules, name) for name in names}
        content |= {"wiki": self.documents.wiki, "data": self.documents.fingerprint}
        content |= {"plan_version": PLAN_VERSION, "lanes": self.lanes}
        return f"layout-{fingerprint(content)}-epoch-{epoch}"

    def lane_begin(self, lane: int, epoch: int) -> int:
        """First token of an epoch, counted from the beginning of the lane."""
        with self._lock:
            while len(self._lane_begins) <= epoch:
                totals = self.epoch(len(self._lane_begins) - 1).totals()
                self._lane_begins.append(self._lane_begins[-1] + totals)
        return int(self._lane_begins[epoch][lane])

    def epoch_of(self, lane: int, token: int) -> int:
        """The epoch that a token of a lane belongs to."""
        epoch = 0
        while self.lane_begin(lane, epoch + 1) <= token:
            epoch += 1
        return epoch

    def span(self, lane: int, low: int, high: int) -> Span:
        """The documents of tokens [low, high) of a lane, or of those up to the end of the epoch that `low` is in."""
        epoch = self.epoch_of(lane, low)
        begin, end = self.lane_begin(lane, epoch), self.lane_begin(lane, epoch + 1)
        layout, until = self.epoch(epoch), min(high, end)
        p = slice(int(layout.lane_positions[lane]), int(layout.lane_positions[lane + 1]))
        base = int(layout.begins[p.start]) - begin
        start, stop, skip = cut(layout.begins[p.start : p.stop + 1], low + base, until + base)
        return Span(epoch, layout.order[p][start:stop], skip, until - low)

    def spans(self, lane: int, first: int, last: int) -> list[Span]:
        """Sequences first .. last - 1 of a lane, one after the other: one span for each epoch that they touch."""
        low, high = first * self.rules.sequence_length, last * self.rules.sequence_length
        spans = []
        while low < high:
            spans.append(self.span(lane, low, high))
            low += spans[-1].length
        return spans


class StreamPlan:
    """The stream of a corpus under given rules: sequence k -> where it comes from, for any k, in any order."""

    def __init__(self, documents: Sequence[Documents], rules: StreamRules, cache: PlanCache | None = None) -> None:
        """`documents`: of each wiki, sorted by wiki.

        Raises:
            ValueError: when there is nothing to stream, or weights do not fit the wikis.
        """
        self.rules = rules
        self.wikis = tuple(WikiPlan(part, rules, cache) for part in documents)
        tokens = np.array([wiki.tokens for wiki in self.wikis])
        if not tokens.any():
            raise ValueError(
                "the corpus holds no tokens, so there is no stream: choose wikis that have articles"
                if rules.held_out == 0 and rules.part == "train"
                else f"data.held_out: {rules.held_out} leaves the stream of part {rules.part!r} no tokens"
            )
        if rules.weights is None:
            self.shares = mixture.shares(tokens, rules.temperature)
        else:
            self.shares = mixture.weighted([part.wiki for part in documents], tokens, dict(rules.weights))
        self.mixture = mixture.Mixture(mixture.quotas(self.shares), rules.slots)
        self.identity = identity({part.wiki: part.fingerprint for part in documents}, rules)
        self.fingerprint = fingerprint(self.identity)

        self._sharing = rules.slots // np.array([wiki.lanes for wiki in self.wikis])

    def places(self, sequences: range) -> Int64s:
        """[sequences, 3] where each sequence comes from: wiki, lane, which of the lane's sequences it is."""
        slot, index = locate(np.array(sequences), self.rules.global_batch_size, self.rules.slots)
        wiki, number = self.mixture.locate(slot, index)
        sharing = self._sharing[wiki]
        return np.stack([wiki, slot // sharing, number * sharing + slot % sharing], axis=1)

    def sequence(self, k: int) -> list[Span]:
        """The spans of sequence k, in order; their lengths add up to the sequence length."""
        wiki, lane, index = (int(part) for part in self.places(range(k, k + 1))[0])
        return self.wikis[wiki].spans(lane, index, index + 1)
