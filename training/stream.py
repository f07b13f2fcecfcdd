"""Parquet row groups -> packed sequences, following the plan.

    corpus = open_corpus(settings.data)
    stream = Stream(corpus, rules)
    batch = stream.batch(0, global_batch_size=8, rank=0, ranks=2)    # input_ids, labels: [4, sequence_length]

A stream has no position: any batch can be asked for at any time, and only memory (the row groups held) depends on the order.
The state of a run is therefore its plan's fingerprint and a batch number. `RollingHash` is the certificate: two runs with the
same hash after the same step have trained on the same tokens with the same masks in the same order.
"""

import hashlib
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.corpus import Corpus
from training.insertion import IGNORED, augmented_lengths, growth, insert, labels
from training.plan import Plan, StreamRules, cumulative, fingerprint, rank_slice

COUNTERS = ("tokens", "masked", "links_seen", "links_inserted")
"""What is counted for each wiki: tokens; tokens that the loss skips; links in the sequence; those with their name.

Every link of an epoch is counted once, in the sequence that holds the first token of the link or of its name."""


class Batch(NamedTuple):
    """The sequences of one rank in one global batch."""

    sequences: range
    """Their numbers in the stream."""
    input_ids: npt.NDArray[np.int64]
    """[sequences, sequence_length]."""
    labels: npt.NDArray[np.int64]
    """[sequences, sequence_length], not shifted, IGNORED where the loss skips a token."""
    counts: npt.NDArray[np.int64]
    """[wikis, COUNTERS]."""
    digests: npt.NDArray[np.uint64]
    """[sequences] hash of each sequence's tokens and mask."""


class _Augmented(NamedTuple):
    """A row group as it stands in an epoch: names, BOS and EOS in place."""

    tokens: npt.NDArray[np.uint32]
    labels: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    """[documents + 1] first token of each document."""
    anchors: npt.NDArray[np.int64]
    """[links] first token of each link, or of its name where that comes first."""
    inserted: npt.NDArray[np.int64]
    """[links + 1] number of names inserted before each link."""


class Stream:
    """Sequence k -> its tokens and labels. Holds `shuffle_window + 1` row groups, the least recently used go first."""

    def __init__(self, corpus: Corpus, rules: StreamRules) -> None:
        self.corpus = corpus
        self.rules = rules
        self.plan = Plan(corpus.documents, rules)
        self.fingerprint = fingerprint(corpus.fingerprint, rules)
        self._row_groups: OrderedDict[tuple[int, int], _Augmented] = OrderedDict()

    def batch(self, number: int, global_batch_size: int, rank: int = 0, ranks: int = 1) -> Batch:
        """What one rank trains on in global batch `number`."""
        sequences = rank_slice(number, global_batch_size, rank, ranks)
        shape = (len(sequences), self.rules.sequence_length)
        input_ids, targets = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
        counts = np.zeros((len(self.corpus.documents.wikis), len(COUNTERS)), dtype=np.int64)
        for row, k in enumerate(sequences):
            self._fill(k, input_ids[row], targets[row], counts)
        digests = np.array([digest(*pair) for pair in zip(input_ids, targets, strict=True)], dtype=np.uint64)
        return Batch(sequences, input_ids, targets, counts, digests)

    def _fill(
        self, k: int, input_ids: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
    ) -> None:
        at = 0
        for piece in self.plan.sequence(k):
            group = int(np.searchsorted(self.corpus.documents.row_group_offsets, piece.document, side="right")) - 1
            augmented = self._augmented(piece.epoch, group)
            begin = augmented.begins[piece.document - self.corpus.documents.row_group_offsets[group]]
            low, high = int(begin) + piece.start, int(begin) + piece.stop
            until = at + high - low
            input_ids[at:until] = augmented.tokens[low:high]
            targets[at:until] = augmented.labels[low:high]
            first, last = np.searchsorted(augmented.anchors, (low, high))
            masked = int((targets[at:until] == IGNORED).sum())
            names = augmented.inserted[last] - augmented.inserted[first]
            counts[self.corpus.documents.wiki[piece.document]] += (high - low, masked, last - first, names)
            at = until

    def _augmented(self, epoch: int, group: int) -> _Augmented:
        key = (epoch, group)
        if key not in self._row_groups:
            self._row_groups[key] = self._augment(epoch, group)
            if len(self._row_groups) > self.rules.shuffle_window + 1:
                self._row_groups.popitem(last=False)
        self._row_groups.move_to_end(key)
        return self._row_groups[key]

    def _augment(self, epoch: int, group: int) -> _Augmented:
        rules, documents = self.rules, self.corpus.documents
        first, last = (int(d) for d in documents.row_group_offsets[group : group + 2])
        chosen = self.plan.chosen(epoch, first, last)
        data = self.corpus.read(group)
        bare, kinds = insert(data.input_ids, data.links, chosen, rules.strategy, rules.tags)
        grown = growth(data.links.end - data.links.start, data.links.name_lengths, chosen, rules.strategy, rules.num_tags)

        # BOS and EOS: document d of the row group moves right by d frames, and by its own BOS.
        link_offsets = documents.link_offsets[first : last + 1]
        lengths = augmented_lengths(documents.num_tokens[first:last], link_offsets, grown)
        shift = np.arange(last - first) * rules.frame + (rules.bos is not None)
        target = np.arange(len(bare)) + np.repeat(shift, lengths)
        begins = cumulative(lengths + rules.frame)
        tokens = np.empty(begins[-1], dtype=np.uint32)
        framed_kinds = np.zeros(begins[-1], dtype=np.uint8)
        tokens[target], framed_kinds[target] = bare, kinds
        if rules.bos is not None:
            tokens[begins[:-1]] = rules.bos
        if rules.eos is not None:
            tokens[begins[1:] - 1] = rules.eos
        anchors = data.links.start + cumulative(grown)[:-1] + np.repeat(shift, np.diff(link_offsets))
        return _Augmented(
            tokens, labels(tokens, framed_kinds, rules.predict_names), begins, anchors, cumulative(chosen.astype(np.int64))
        )


def digest(input_ids: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> int:
    """64-bit hash of a sequence: BLAKE2b over its tokens as little-endian uint32, then a byte per token, 1 where it is masked."""
    hashed = hashlib.blake2b(input_ids.astype("<u4").tobytes(), digest_size=8)
    hashed.update((targets == IGNORED).astype(np.uint8).tobytes())
    return int.from_bytes(hashed.digest(), "little")


class RollingHash:
    """Hash of every sequence consumed so far, in the order of the stream: 16 hex digits, the same for any number of ranks."""

    def __init__(self, value: str = "0" * 16) -> None:
        self.value = value

    def update(self, digests: npt.NDArray[np.uint64]) -> str:
        """Append the digests of one global batch, in the order of its sequences; returns the new value."""
        content = bytes.fromhex(self.value) + digests.astype("<u8").tobytes()
        self.value = hashlib.blake2b(content, digest_size=8).hexdigest()
        return self.value
