"""The tokens of a lane: documents are read from their row groups, and names, BOS and EOS are inserted.

Row groups are held as they were read (two or four bytes a token). Documents are augmented many at a time: those of a batch and,
where a read continues at the end of the last one, at least `_AHEAD` tokens for the next reads. Both are caches: the result is a
function of the sequences alone.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.data.encoded_corpus import Wiki
from training.data.prefix_sums import prefix_sums
from training.data.row_groups import RowGroupTokens
from training.stream.name_insertion import DocumentFrame, Links, augmented_lengths, insert_names, length_changes
from training.stream.wiki_plan import WikiPlan, choose_inserted_links

Int64s = npt.NDArray[np.int64]

_AHEAD = 1 << 15  # a call into NumPy costs as much as some thousand tokens
_TOKENS_AT_ONCE = 1 << 17  # the arrays stay in a core's cache


class LaneText(NamedTuple):
    """Documents one after the other, in the order of an epoch, or a part of them."""

    tokens: npt.NDArray[np.uint32]
    kinds: npt.NDArray[np.uint8]
    """As in `training.stream.name_insertion`."""
    documents: npt.NDArray[np.integer]
    """Their indices in the wiki."""
    begins: Int64s
    """[documents + 1] first token of each document; the first one may be before the part, the last one after it."""
    anchors: Int64s
    """[links] first token of each link, or of its name where that comes first."""
    inserted: Int64s
    """[links + 1] number of names inserted before each link."""

    def part(self, low: int, high: int) -> "LaneText":
        """Tokens [low, high), and the links that are anchored there."""
        first, last = np.searchsorted(self.anchors, (low, high))
        begin = max(int(np.searchsorted(self.begins, low, side="right")) - 1, 0)
        end = int(np.searchsorted(self.begins, high, side="left"))
        return LaneText(
            self.tokens[low:high],
            self.kinds[low:high],
            self.documents[begin:end],
            self.begins[begin : end + 1] - low,
            self.anchors[first:last] - low,
            self.inserted[first : last + 1],
        )

    @property
    def names(self) -> int:
        """Number of names inserted."""
        return int(self.inserted[-1] - self.inserted[0])


class LaneReader:
    """Reads one lane of a wiki. Not thread-safe."""

    def __init__(self, wiki: Wiki, plan: WikiPlan, lane: int) -> None:
        self._wiki, self._plan, self._lane, self._rules = wiki, plan, lane, plan.rules
        self._row_groups: OrderedDict[int, RowGroupTokens] = OrderedDict()
        self._text: LaneText | None = None
        self._begin = self._end = 0  # tokens of the lane that the text holds
        self._next = -1  # where the last read ended

    def read(self, first: int, last: int) -> Iterator[LaneText]:
        """Sequences first .. last - 1 of the lane, in parts."""
        low, high = (index * self._rules.sequence_length for index in (first, last))
        ahead = _AHEAD if low == self._next else 0
        self._next = high
        while low < high:
            if self._text is None or not self._begin <= low < self._end:
                span = self._plan.span(self._lane, low, min(max(high, low + ahead), low + _TOKENS_AT_ONCE))
                self._text = self._augment(span.epoch, span.documents)
                self._begin = low - span.skip
                self._end = self._begin + len(self._text.tokens)
            until = min(high, self._end)
            yield self._text.part(low - self._begin, until - self._begin)
            low = until

    def _augment(self, epoch: int, documents: npt.NDArray[np.integer]) -> LaneText:
        rules, wiki = self._rules, self._wiki.documents
        input_ids, links, lengths, counts = self._gather(documents)
        link_offsets = prefix_sums(counts)
        chosen = choose_inserted_links(wiki.wiki, wiki.page_id[documents], link_offsets, epoch, rules)
        changes = length_changes(links.end - links.start, links.name_lengths, chosen, rules.strategy, rules.num_tags)
        begins = prefix_sums(augmented_lengths(lengths, link_offsets, changes) + rules.frame)
        frame = DocumentFrame(rules.bos, rules.eos, begins, counts)
        tokens, kinds = insert_names(input_ids, links, chosen, rules.strategy, rules.tags, frame)
        frames_before = np.arange(len(documents)) * rules.frame + (rules.bos is not None)
        anchors = links.start + prefix_sums(changes)[:-1] + np.repeat(frames_before, counts)
        return LaneText(tokens, kinds, documents, begins, anchors, prefix_sums(chosen.astype(np.int64)))

    def _gather(self, documents: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.integer], Links, Int64s, Int64s]:
        """(tokens, links, tokens of each document, links of each document), flat, in the order of `documents`."""
        offsets = self._wiki.documents.row_group_offsets
        owner = np.searchsorted(offsets, documents, side="right") - 1
        bounds = np.empty((6, len(documents)), dtype=np.int64)
        groups = {}
        for group in dict.fromkeys(owner.tolist()):  # in the order of the lane, so that those of the last window stay
            held = groups[group] = self._row_group(group)
            mine = np.flatnonzero(owner == group)
            rows = documents[mine].astype(np.int64) - offsets[group]
            for line, begins in ((0, held.begins), (2, held.link_begins), (4, held.name_begins)):
                bounds[line, mine], bounds[line + 1, mine] = begins[rows], begins[rows + 1]

        held_of = [groups[group] for group in owner.tolist()]
        token, link, name = (list(zip(held_of, *bounds[line : line + 2].tolist(), strict=True)) for line in (0, 2, 4))
        lengths, counts = bounds[1] - bounds[0], bounds[3] - bounds[2]
        base = np.repeat(prefix_sums(lengths)[:-1], counts)
        links = Links(
            np.concatenate([held.starts[low:high] for held, low, high in link]) + base,
            np.concatenate([held.ends[low:high] for held, low, high in link]) + base,
            np.concatenate([held.name_lengths[low:high] for held, low, high in link]),
            np.concatenate([held.name_ids[low:high] for held, low, high in name]),
        )
        return np.concatenate([held.input_ids[low:high] for held, low, high in token]), links, lengths, counts

    def _row_group(self, group: int) -> RowGroupTokens:
        if group not in self._row_groups:
            self._row_groups[group] = self._wiki.read(group)
            if len(self._row_groups) > self._rules.shuffle_window:
                self._row_groups.popitem(last=False)
        self._row_groups.move_to_end(group)
        return self._row_groups[group]
