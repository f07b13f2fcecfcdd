"""The stream of packed sequences: reads Parquet row groups according to the plan.

    corpus = open_corpus(settings.data)
    stream = Stream(corpus, rules)
    batch = stream.batch(0, rank=0, ranks=2)                         # input_ids, labels: [B / 2, sequence_length]
    for batch in stream.batches(start=1, rank=0, ranks=2, workers=1, prefetch=2): ...

A stream has no position: any batch can be asked for at any time, and only time and memory depend on the order. The state of a run
is therefore its plan's fingerprint and a batch number (`state`, `seek`), with the `RollingHash` of all batches before it.

Memory: for each lane that a rank reads, `shuffle_window` row groups as they are stored in the shards (1,024 articles of 700
tokens and 30 names: about 2 MB in uint16), and the batches that are prepared ahead (16 bytes a token).
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spark_jobs.common.errors import ConfigurationError
from training.data.array_cache import ArrayCache
from training.data.encoded_corpus import Corpus
from training.stream.lane_reader import LaneReader, LaneText
from training.stream.name_insertion import IGNORED, label_tokens
from training.stream.rolling_hash import RollingHash, sequence_digest
from training.stream.sequence_index import rank_slice
from training.stream.stream_plan import StreamPlan
from training.stream.stream_rules import StreamRules, identity_differences

COUNTERS = ("tokens", "masked", "links_seen", "links_inserted")
"""Counts of each wiki: tokens; tokens that the loss skips; links in the sequence; those with their name.

Every link of an epoch is counted once, in the sequence that holds the first token of the link or of its name."""

Int64s = npt.NDArray[np.int64]
Readers = dict[tuple[int, int], LaneReader]


class Batch(NamedTuple):
    """The sequences of one rank in one global batch."""

    sequences: range
    """Their numbers in the stream."""
    input_ids: Int64s
    """[sequences, sequence_length]."""
    labels: Int64s
    """[sequences, sequence_length], not shifted, IGNORED where the loss skips a token."""
    positions: Int64s | None
    """[sequences, sequence_length] where documents are masked: each token's distance from the first one of its document in its
    sequence."""
    counts: Int64s
    """[wikis, COUNTERS]."""
    digests: npt.NDArray[np.uint64]
    """[sequences] hash of each sequence's tokens and mask."""


class StreamChangedError(ConfigurationError):
    """A state belongs to another stream; the message lists the differences."""


class Stream:
    """Sequence k -> its tokens and labels."""

    def __init__(self, corpus: Corpus, rules: StreamRules, cache: Path | None = None) -> None:
        """`cache` is the folder of the plan's cache; without one the plan is computed in memory.

        Raises:
            ConfigurationError: when there is nothing to stream, or weights do not fit the wikis.
        """
        self.corpus, self.rules = corpus, rules
        try:
            self.plan = StreamPlan([wiki.documents for wiki in corpus.wikis], rules, ArrayCache(cache))
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        self.fingerprint = self.plan.fingerprint
        self._readers: Readers = {}

    def batch(self, number: int, rank: int = 0, ranks: int = 1) -> Batch:
        """The sequences of one rank in global batch `number`."""
        return self.read(rank_slice(number, self.rules.global_batch_size, rank, ranks))

    def read(self, sequences: range) -> Batch:
        """Any consecutive sequences."""
        return self._read(sequences, self._readers)

    def batches(self, start: int = 0, rank: int = 0, ranks: int = 1, workers: int = 0, prefetch: int = 2) -> Iterator[Batch]:
        """The batches of one rank from global batch `start` on, without end.

        Each of `workers` threads reads the lanes of a contiguous part of the rank's slice, `prefetch` batches ahead; with 0, a
        batch is read when it is requested. The threads end when the iterator is closed.
        """
        if workers == 0:
            while True:
                yield self.batch(start, rank, ranks)
                start += 1
        pools = [ThreadPoolExecutor(1, f"stream-{number}") for number in range(workers)]  # one thread for each set of readers
        readers: list[Readers] = [{} for _ in pools]
        ahead: deque[list[Future[Batch]]] = deque()
        try:
            while True:
                while len(ahead) < prefetch:
                    slices = self._worker_slices(rank_slice(start, self.rules.global_batch_size, rank, ranks), workers)
                    jobs = zip(pools, slices, readers, strict=True)
                    ahead.append([pool.submit(self._read, part, own) for pool, part, own in jobs if part])
                    start += 1
                yield _concatenate([future.result() for future in ahead.popleft()])
        finally:
            for pool in pools:
                pool.shutdown(wait=True, cancel_futures=True)

    def state(self, batch: int, stream_hash: str) -> dict[str, Any]:
        """The state in a checkpoint: which stream, the number of the next batch, and the rolling hash of those before it."""
        return {"fingerprint": self.fingerprint, "batch": batch, "stream_hash": stream_hash, "identity": self.plan.identity}

    def seek(self, state: Mapping[str, Any]) -> tuple[int, RollingHash]:
        """(number of the next batch, rolling hash so far) from a state of this stream.

        Raises:
            StreamChangedError: when the state belongs to a stream of other data or other rules.
        """
        if state["fingerprint"] != self.fingerprint:
            lines = identity_differences(state["identity"], self.plan.identity)
            raise StreamChangedError(
                f"the state belongs to stream {state['fingerprint']}, this one is {self.fingerprint}, so batch "
                f"{state['batch']} would hold other tokens. Differences: {'; '.join(lines)}. "
                "Continue with the same data and rules, or start anew"
            )
        return int(state["batch"]), RollingHash(state["stream_hash"])

    def text(self, k: int) -> list[LaneText]:
        """Sequence k as parts of documents with the kinds of their tokens, to be displayed."""
        wiki, lane, index = (int(part) for part in self.plan.places(range(k, k + 1))[0])
        return list(LaneReader(self.corpus.wikis[wiki], self.plan.wikis[wiki], lane).read(index, index + 1))

    def _worker_slices(self, sequences: range, workers: int) -> list[range]:
        """Contiguous parts of a rank's slice, cut between slots where there are enough of them."""
        unit = self.rules.global_batch_size // self.rules.slots
        if len(sequences) // unit < workers:
            unit = 1
        bounds = [len(sequences) // unit * worker // workers * unit for worker in range(workers)] + [len(sequences)]
        return [sequences[low:high] for low, high in pairwise(bounds)]

    def _read(self, sequences: range, readers: Readers) -> Batch:
        length = self.rules.sequence_length
        shape = (len(sequences), length)
        input_ids, targets = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
        positions = np.empty(shape, dtype=np.int64) if self.rules.mask_documents else None
        counts = np.zeros((len(self.corpus.wikis), len(COUNTERS)), dtype=np.int64)
        for wiki, lane, first, rows in self._runs(sequences):
            reader = readers.get((wiki, lane))
            if reader is None:
                reader = readers[wiki, lane] = LaneReader(self.corpus.wikis[wiki], self.plan.wikis[wiki], lane)
            packed = _PackedRows(len(rows), length, self.rules)
            for text in reader.read(first, first + len(rows)):
                packed.append(text)
            if positions is not None:
                positions[rows] = within = packed.positions()
                packed.labels[within == 0] = IGNORED  # it would be predicted from the document before
            input_ids[rows], targets[rows] = packed.input_ids, packed.labels
            masked = int((packed.labels == IGNORED).sum())
            counts[wiki] += (packed.input_ids.size, masked, packed.links_seen, packed.links_inserted)
        digests = np.array([sequence_digest(*pair) for pair in zip(input_ids, targets, strict=True)], dtype=np.uint64)
        return Batch(sequences, input_ids, targets, positions, counts, digests)

    def _runs(self, sequences: range) -> Iterator[tuple[int, int, int, Int64s]]:
        """(wiki, lane, first sequence of the lane, rows of the batch) for each run of consecutive sequences of a lane."""
        places = self.plan.places(sequences)
        order = np.lexsort(places.T[::-1])
        ordered = places[order]
        breaks = np.flatnonzero((np.diff(ordered, axis=0) != (0, 0, 1)).any(axis=1)) + 1
        for rows in np.split(order, breaks):
            wiki, lane, first = places[rows[0]].tolist()
            yield wiki, lane, first, rows


class _PackedRows:
    """Consecutive sequences of a lane, filled from left to right."""

    def __init__(self, sequences: int, length: int, rules: StreamRules) -> None:
        self.input_ids, self.labels = np.empty((sequences, length), dtype=np.int64), np.empty((sequences, length), dtype=np.int64)
        self.links_seen = self.links_inserted = 0
        self._at, self._predict_names = 0, rules.predict_names
        self._starts: list[Int64s] = [np.arange(sequences) * length]

    def append(self, text: LaneText) -> None:
        until = self._at + len(text.tokens)
        self.input_ids.reshape(-1)[self._at : until] = text.tokens
        self.labels.reshape(-1)[self._at : until] = label_tokens(text.tokens, text.kinds, self._predict_names)
        starts = text.begins[:-1]
        self._starts.append(starts[starts >= 0] + self._at)
        self.links_seen += len(text.anchors)
        self.links_inserted += text.names
        self._at = until

    def positions(self) -> Int64s:
        """[sequences, length] each token's distance from the first one of its document in its sequence."""
        begin = np.zeros(self.input_ids.size, dtype=np.int64)
        starts = np.concatenate(self._starts)
        begin[starts] = starts
        within: Int64s = (np.arange(begin.size) - np.maximum.accumulate(begin)).reshape(self.input_ids.shape)
        return within


def _concatenate(parts: list[Batch]) -> Batch:
    """The batch of a rank from the parts of its workers, in order."""
    if len(parts) == 1:
        return parts[0]
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("input_ids", "labels", "digests"))
    input_ids, targets, digests = columns
    positions = None if parts[0].positions is None else np.concatenate([part.positions for part in parts])
    sequences = range(parts[0].sequences.start, parts[-1].sequences.stop)
    return Batch(sequences, input_ids, targets, positions, sum(part.counts for part in parts), digests)  # type: ignore[arg-type]
