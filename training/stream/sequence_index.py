"""The arithmetic of sequence numbers: sequence k -> slot, tokens of a lane -> documents, batch -> the slice of a rank.

A global batch of B sequences is cut into L slots of n = B / L. Sequence k is number j of batch b, so it is the (b n + j mod n)-th
sequence of slot j // n. `training.stream.stream_plan` explains what lanes, slots and epochs are for.

Worked example: B = 4, L = 2, T = 4 tokens a sequence, one wiki, two lanes. Lane 0 has documents a, b of 3 and 2 tokens, in the
order b, a in epoch 1; lane 1 has document c of 6 tokens.

    lane 0     a a a b | b b b a | a a ...     lane 1     c c c c | c c c c | c c c c | ...
               epoch 0 . 0 epoch 1 ....                   epoch 0 ... 0 1 ... epoch 1 . 1
    batch 0    sequences 0, 1: the first two of lane 0;  2, 3: the first two of lane 1

    >>> from training.data.prefix_sums import prefix_sums
    >>> slot, index = locate_in_slots(np.arange(8), batch_size=4, slots=2)
    >>> slot.tolist(), index.tolist()
    ([0, 0, 1, 1, 0, 0, 1, 1], [0, 1, 0, 1, 2, 3, 2, 3])
    >>> begins = prefix_sums(np.array([3, 2]))  # lane 0 in epoch 0
    >>> covered_positions(begins, 0, 4)  # sequence 0: documents at positions 0 and 1, from the first token
    (0, 2, 0)
    >>> covered_positions(begins, 4, 5)  # sequence 1 begins with one token of b, from its second ...
    (1, 2, 1)
    >>> covered_positions(prefix_sums(np.array([2, 3])), 0, 3)  # ... and continues in epoch 1
    (0, 2, 0)
"""

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


def locate_in_slots(k: Int64s, batch_size: int, slots: int) -> tuple[Int64s, Int64s]:
    """(slot, index among the slot's sequences) of each sequence k of the stream."""
    batch, j = np.divmod(k, batch_size)
    in_slot = batch_size // slots
    return j // in_slot, batch * in_slot + j % in_slot


def covered_positions(begins: Int64s, low: int, high: int) -> tuple[int, int, int]:
    """The positions that hold tokens [low, high), low < high: (first, last + 1, tokens to skip in the first).

    Args:
        begins: [positions + 1] first token of the document at each position.
        low: first token.
        high: token after the last.
    """
    first = int(np.searchsorted(begins, low, side="right")) - 1
    last = int(np.searchsorted(begins, high, side="left"))
    return first, last, low - int(begins[first])


def rank_slice(batch: int, global_batch_size: int, rank: int, ranks: int) -> range:
    """The sequences of one rank in a global batch: a contiguous slice, so that ranks in order give the batch in order."""
    if global_batch_size % ranks:
        raise ValueError(f"a global batch of {global_batch_size} sequences cannot be divided evenly among {ranks} ranks")
    share = global_batch_size // ranks
    begin = batch * global_batch_size + rank * share
    return range(begin, begin + share)
