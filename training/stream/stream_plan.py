"""Which tokens form sequence k: pure functions of integers. Nothing here opens a file of the corpus or reads a token.

    The stream is a pure function of (data, rules, seed, k). It does not depend on the number of ranks, loader workers or
    accumulation steps, nor on how often the job was stopped.

**From k to a lane.** A global batch of B sequences is cut into L slots of n = B / L. Sequence k is number j of batch b, so it is
the (b n + j mod n)-th sequence of slot j // n (`training.stream.sequence_index`, with a worked example). The row groups of a wiki
are distributed to L' lanes (`training.stream.lanes`; L' = L, or a divisor of L for a small wiki), so R = L / L' slots share a
lane, slot s being number s mod R of those of lane s // R: the slot's m-th sequence of that wiki is sequence m R + s mod R of the
lane. (Of several wikis, `training.stream.source_mixture` chooses one.)

**From a lane to documents.** A lane is endless: epoch 0, epoch 1, and so on, each a permutation of the lane's documents
(`training.stream.document_order`), one after the other, cut into sequences of T tokens (`training.stream.wiki_plan`). A remainder
shorter than T at the end of an epoch is the beginning of the next sequence; nothing is dropped and nothing is padded. Whether
link j of a document gets its name is a hash of (seed, epoch, wiki, page_id, j), so lengths after insertion follow from narrow
columns, and their cumulative sums say where each document begins.

**Reads of a rank.** Ranks take contiguous slices of a batch, so a rank needs the lanes of its slots only. Where the world size
divides L', every row group is read by one rank, once in an epoch (and once more after a restart, if it was under way).

**The end of an epoch.** Each lane continues with its next epoch: nothing waits. All lanes take the same number of tokens, and
before insertion no two differ by more than a tenth (`lanes.MAX_IMBALANCE`), so after e epochs no lane is ahead of another by
more than a tenth of e epochs, and by the difference that names make between two lanes: `encode` has mixed the articles, so lanes
of thousands of them differ by less than a percent there.

**State** is (fingerprint of the plan, number of the next batch). Seeking is two binary searches. The layout of an epoch takes 12
bytes a document, computed once for each epoch or mapped from the cache (`training.data.array_cache`); to reach epoch e, the
layouts of the epochs before it must have been made, because their lengths say where e begins.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.data.array_cache import ArrayCache
from training.data.narrow_columns import Documents
from training.stream.sequence_index import locate_in_slots
from training.stream.source_mixture import Mixture, period_quotas, temperature_shares, weighted_shares
from training.stream.stream_rules import StreamRules, identity_fingerprint, stream_identity
from training.stream.wiki_plan import DocumentSpan, WikiPlan


class StreamPlan:
    """The stream of a corpus under given rules: sequence k -> where it comes from, for any k, in any order."""

    def __init__(self, documents: Sequence[Documents], rules: StreamRules, cache: ArrayCache | None = None) -> None:
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
            self.shares = temperature_shares(tokens, rules.temperature)
        else:
            self.shares = weighted_shares([part.wiki for part in documents], tokens, dict(rules.weights))
        self.mixture = Mixture(period_quotas(self.shares), rules.slots)
        self.identity = stream_identity({part.wiki: part.fingerprint for part in documents}, rules)
        self.fingerprint = identity_fingerprint(self.identity)

        self._slots_of_lane = rules.slots // np.array([wiki.lanes for wiki in self.wikis])

    def places(self, sequences: range) -> npt.NDArray[np.int64]:
        """[sequences, 3] where each sequence comes from: wiki, lane, index among the lane's sequences."""
        slot, index = locate_in_slots(np.array(sequences), self.rules.global_batch_size, self.rules.slots)
        wiki, number = self.mixture.locate(slot, index)
        slots_of_lane = self._slots_of_lane[wiki]
        return np.stack([wiki, slot // slots_of_lane, number * slots_of_lane + slot % slots_of_lane], axis=1)

    def sequence(self, k: int) -> list[DocumentSpan]:
        """The spans of sequence k, in order; their lengths add up to the sequence length."""
        wiki, lane, index = (int(part) for part in self.places(range(k, k + 1))[0])
        return self.wikis[wiki].spans(lane, index, index + 1)
