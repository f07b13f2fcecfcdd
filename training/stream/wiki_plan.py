"""The plan of one wiki: sequence i of a lane -> spans of documents, through the layouts of epochs.

A lane is endless: epoch 0, epoch 1, and so on, each a permutation of the lane's documents, one after the other, cut into
sequences. Lengths after insertion follow from narrow columns; their cumulative sums say where each document begins.
"""

import threading
from collections import OrderedDict
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spark_jobs.common.link_sampling import choose_links
from spark_jobs.common.stateless_random import fold, mix, text_key
from training.data.array_cache import ArrayCache
from training.data.narrow_columns import Documents
from training.data.prefix_sums import prefix_sums
from training.stream.document_order import order_documents
from training.stream.held_out_articles import is_held_out
from training.stream.lanes import assign_row_groups, lane_imbalance, number_of_lanes
from training.stream.name_insertion import augmented_lengths, length_changes
from training.stream.sequence_index import covered_positions
from training.stream.stream_rules import PLAN_VERSION, StreamRules, identity_fingerprint

Int64s = npt.NDArray[np.int64]


class DocumentSpan(NamedTuple):
    """Tokens [skip, skip + length) of some documents of an epoch, one after the other, BOS, EOS and names included."""

    epoch: int
    documents: npt.NDArray[np.integer]
    """In order; the span begins in the first one and ends in the last one."""
    skip: int
    length: int


class EpochLayout(NamedTuple):
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


def document_blocks(link_offsets: Int64s, links_in_block: int) -> list[int]:
    """Cut documents into blocks of at least `links_in_block` links, and less than one document's links more.

    Returns:
        The first document of each block, and at the end the number of documents. The last block may be smaller.

    >>> document_blocks(prefix_sums(np.array([3, 0, 2, 9, 1])), links_in_block=4)
    [0, 3, 4, 5]
    """
    documents = len(link_offsets) - 1
    firsts = [0]
    while firsts[-1] < documents:
        enough = np.searchsorted(link_offsets, link_offsets[firsts[-1]] + links_in_block)
        firsts.append(min(int(enough), documents))
    return firsts


def choose_inserted_links(
    wiki: str, page_id: npt.NDArray[np.integer], link_offsets: Int64s, epoch: int, rules: StreamRules
) -> npt.NDArray[np.bool_]:
    """[links of some documents] whether each gets its name in an epoch."""
    probability = 0.0 if rules.strategy == "none" else rules.probability
    return choose_links(
        seed=rules.seed, epoch=epoch, wiki=wiki, page_id=page_id, link_offsets=link_offsets, probability=probability
    )


class WikiPlan:
    """The lanes of one wiki: sequence i of a lane -> spans of documents.

    Has no position: it keeps layouts of recent epochs and the tokens of each epoch seen, which follow from its arguments.
    """

    _KEPT_EPOCHS = 3  # a sequence may reach over the end of an epoch, and lanes are not all in the same one

    def __init__(self, documents: Documents, rules: StreamRules, cache: ArrayCache | None = None) -> None:
        self.documents, self.rules = documents, rules
        self._cache = cache or ArrayCache(None)
        self._kept = None
        if rules.held_out > 0 or rules.part == "held_out":
            held_out = is_held_out(documents.wiki, documents.page_id, rules.held_out)
            self._kept = held_out if rules.part == "held_out" else ~held_out
        tokens = documents.num_tokens.astype(np.int64) + rules.frame
        if self._kept is not None:
            tokens[~self._kept] = 0
        of_group = np.diff(prefix_sums(tokens)[documents.row_group_offsets])
        self.tokens = int(of_group.sum())
        """Before insertion, BOS and EOS included, of the documents that take part."""
        self.lanes = number_of_lanes(of_group, rules.slots) if self.tokens else 1
        self.lane_of_group = assign_row_groups(of_group, self.lanes)
        self.imbalance = lane_imbalance(of_group, self.lane_of_group, self.lanes) if self.tokens else 0.0
        self._key = int(fold(mix(rules.seed), text_key(documents.wiki)))
        self._lock = threading.RLock()  # loader threads share a plan
        self._layouts: OrderedDict[int, EpochLayout] = OrderedDict()
        self._lane_begins = [np.zeros(self.lanes, dtype=np.int64)]

    def chosen_links(self, epoch: int, first: int = 0, last: int | None = None) -> npt.NDArray[np.bool_]:
        """[links of documents first .. last - 1] whether each gets its name in an epoch."""
        d = self.documents
        last = len(d.page_id) if last is None else last
        return choose_inserted_links(d.wiki, d.page_id[first:last], d.link_offsets[first : last + 1], epoch, self.rules)

    def lengths(self, epoch: int, links_in_block: int = 1 << 20) -> Int64s:
        """[documents] tokens of each document in an epoch, with names, BOS and EOS; held-out ones too.

        Computed in blocks of whole documents that hold about `links_in_block` links, which bounds the memory.
        """
        d, rules = self.documents, self.rules
        lengths = np.empty(len(d.page_id), dtype=np.int64)
        for first, last in pairwise(document_blocks(d.link_offsets, links_in_block)):
            links = slice(d.link_offsets[first], d.link_offsets[last])
            chosen = self.chosen_links(epoch, first, last)
            changes = length_changes(d.span_lengths[links], d.name_lengths[links], chosen, rules.strategy, rules.num_tags)
            lengths[first:last] = augmented_lengths(d.num_tokens[first:last], d.link_offsets[first : last + 1], changes)
        lengths += rules.frame
        return lengths

    def epoch(self, epoch: int) -> EpochLayout:
        """The layout of an epoch."""
        with self._lock:
            if epoch not in self._layouts:
                arrays = self._cache.get_or_build(self._layout_key(epoch), lambda: self._lay_out(epoch)._asdict())
                self._layouts[epoch] = EpochLayout(arrays["order"], arrays["lane_positions"], arrays["begins"])
                if len(self._layouts) > self._KEPT_EPOCHS:
                    self._layouts.popitem(last=False)
            self._layouts.move_to_end(epoch)
            return self._layouts[epoch]

    def _lay_out(self, epoch: int) -> EpochLayout:
        order, lane_positions = order_documents(
            self.documents.row_group_offsets, self.lane_of_group, self._kept, self._key, epoch, self.rules.shuffle_window
        )
        return EpochLayout(order, lane_positions, prefix_sums(self.lengths(epoch)[order]))

    def _layout_key(self, epoch: int) -> str:
        """A key over all inputs of a layout: more runs share a layout than share a stream."""
        rules = self.rules
        names = ("seed", "shuffle_window", "strategy", "probability", "num_tags", "frame", "held_out", "part")
        content = {name: getattr(rules, name) for name in names}
        content |= {"wiki": self.documents.wiki, "data": self.documents.fingerprint}
        content |= {"plan_version": PLAN_VERSION, "lanes": self.lanes}
        return f"layout-{identity_fingerprint(content)}-epoch-{epoch}"

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

    def span(self, lane: int, low: int, high: int) -> DocumentSpan:
        """The documents of tokens [low, high) of a lane, or of those up to the end of the epoch that `low` is in."""
        epoch = self.epoch_of(lane, low)
        begin, end = self.lane_begin(lane, epoch), self.lane_begin(lane, epoch + 1)
        layout, until = self.epoch(epoch), min(high, end)
        p = slice(int(layout.lane_positions[lane]), int(layout.lane_positions[lane + 1]))
        base = int(layout.begins[p.start]) - begin
        start, stop, skip = covered_positions(layout.begins[p.start : p.stop + 1], low + base, until + base)
        return DocumentSpan(epoch, layout.order[p][start:stop], skip, until - low)

    def spans(self, lane: int, first: int, last: int) -> list[DocumentSpan]:
        """Sequences first .. last - 1 of a lane, one after the other: one span for each epoch that they touch."""
        low, high = first * self.rules.sequence_length, last * self.rules.sequence_length
        spans = []
        while low < high:
            spans.append(self.span(lane, low, high))
            low += spans[-1].length
        return spans
