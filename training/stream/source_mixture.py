"""The mixture of wikis in one stream: which wiki the k-th sequence of a slot comes from, in closed form.

A wiki's share of the sequences is its weight, or `tokens ** (1 / temperature)`, divided by the sum: at temperature 1 wikis come
in proportion to their tokens, so that all end an epoch at about the same time; higher temperatures make the shares more alike.
Shares are rounded to 65,536ths (largest remainders; every wiki that has tokens gets at least one). A period has 65,536 sequences,
and each wiki's sequences are spread over it as evenly as possible. Each slot enters the period at a different place, so that a
batch over all slots holds the shares too. A sequence comes from one wiki.

Worked example, shares 2 : 1 in a period of 3, two slots: the period is a b a. Slot 0 begins at its first place, slot 1 at its
second (1 x 3 // 2), and the number is the index of the sequence among those of its wiki:

    >>> mixture = Mixture(np.array([2, 1]), slots=2)
    >>> for slot in (0, 1):
    ...     wiki, number = mixture.locate(slot, np.arange(6))
    ...     print(slot, [f"{'ab'[w]}{n}" for w, n in zip(wiki, number)])
    0 ['a0', 'b0', 'a1', 'a2', 'b1', 'a3']
    1 ['b0', 'a0', 'a1', 'b1', 'a2', 'a3']

Each slot counts a wiki's sequences separately; `training.stream.stream_plan` maps (slot, number) to a sequence that no other slot
has.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

PERIOD = 2**16

Int64s = npt.NDArray[np.int64]


def temperature_shares(tokens: Int64s, temperature: float) -> npt.NDArray[np.float64]:
    """[wikis] share of each wiki in the sequences, 0 where it has no tokens.

    >>> temperature_shares(np.array([900, 100, 0]), temperature=2.0).tolist()
    [0.75, 0.25, 0.0]
    """
    scaled = np.where(tokens > 0, (tokens / max(int(tokens.max()), 1)) ** (1 / temperature), 0.0)
    result: npt.NDArray[np.float64] = scaled / scaled.sum()
    return result


def weighted_shares(wikis: Sequence[str], tokens: Int64s, weights: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """[wikis] share of each wiki by explicit weights, which must name every wiki, and only wikis that have tokens."""
    if set(weights) != set(wikis):
        raise ValueError(
            f"data.weights names {', '.join(sorted(weights))}, but data.wikis is {', '.join(wikis)}: give each wiki one weight"
        )
    empty = [wiki for wiki, count in zip(wikis, tokens, strict=True) if count == 0]
    if empty:
        raise ValueError(f"data.weights: {empty[0]} has no tokens, so it cannot be given a share: leave it out of data.wikis")
    given = np.array([weights[wiki] for wiki in wikis])
    result: npt.NDArray[np.float64] = given / given.sum()
    return result


def period_quotas(share: npt.NDArray[np.float64], period: int = PERIOD) -> Int64s:
    """[wikis] sequences of each wiki in a period: largest remainders, but at least 1 where the share is not 0.

    >>> period_quotas(np.array([0.5, 0.3, 0.2, 0.0]), period=4).tolist()
    [2, 1, 1, 0]
    """
    exact = share * period
    result: Int64s = np.maximum(np.floor(exact), share > 0).astype(np.int64)
    while (missing := period - int(result.sum())) != 0:  # one round, or a few where many wikis were raised to 1
        step = 1 if missing > 0 else -1
        movable = np.flatnonzero((share > 0) & (result + step >= 1))
        behind = movable[np.argsort(-step * (exact - result)[movable], kind="stable")][: abs(missing)]
        result[behind] += step
    return result


class Mixture:
    """The period of a mixture and where each slot enters it."""

    def __init__(self, quota: Int64s, slots: int) -> None:
        """`quota`: [wikis] sequences of each in a period, whose length is their sum."""
        self.quota = quota
        self.period = int(quota.sum())
        wiki = np.repeat(np.arange(len(quota)), quota)
        number = np.concatenate([np.arange(q) for q in quota])
        order = np.lexsort((wiki, (number + 0.5) / quota[wiki]))
        self._wiki, self._number = wiki[order], number[order]
        self._entry = np.arange(slots) * self.period // slots
        # [wikis, slots] sequences of each wiki before the slot's entry.
        self._before = np.array([np.searchsorted(np.flatnonzero(self._wiki == w), self._entry) for w in range(len(quota))])

    def locate(self, slot: int | Int64s, k: int | Int64s) -> tuple[Int64s, Int64s]:
        """(wiki, index among the slot's sequences of that wiki) of the k-th sequence of a slot; the two broadcast."""
        round_, place = np.divmod(self._entry[slot] + k, self.period)
        wiki = self._wiki[place]
        number: Int64s = round_ * self.quota[wiki] + self._number[place] - self._before[wiki, slot]
        return wiki, number
