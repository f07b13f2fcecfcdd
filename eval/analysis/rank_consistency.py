"""RankC: how alike a model ranks parallel candidates in two languages. Pure functions."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def rank_consistency(first: Floats, second: Floats) -> Floats:
    """(facts,): how alike two languages rank each fact's candidates; RankC is the mean (Qi et al., EMNLP 2023, arXiv 2310.10378).

    `first` and `second` are (facts, candidates) scores; candidate j in one language is a translation of candidate j in the other.
    With n candidates, sum over j = 1..n of w_j * P@j, where P@j is the share of the j best candidates of one language among the
    j best of the other, and w_j = exp(n - j) / sum of exp(n - k): the top of the lists counts most. 1 for equal rankings; ties
    are broken by the candidates' order.

    Worked example, n = 3, rankings (a, b, c) and (b, a, c): P@1 = 0, P@2 = 1, P@3 = 1; weights 0.665, 0.245, 0.090.

    >>> float(rank_consistency(np.array([[3.0, 2, 1]]), np.array([[2.0, 3, 1]])).round(3)[0])
    0.335
    """
    count = first.shape[1]
    one, other = (np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) for scores in (first, second))
    worse = np.maximum(one, other)  # a candidate is among the j best of both from j = its worse rank + 1 on
    common = np.stack([(worse < size).sum(axis=1) / size for size in range(1, count + 1)], axis=1)
    weights = np.exp(-np.arange(count, dtype=np.float64))
    result: Floats = common @ (weights / weights.sum())
    return result


def chance_consistency(count: int) -> float:
    """RankC of two unrelated rankings of `count` candidates: P@j is j / count on average.

    >>> round(chance_consistency(8), 3)
    0.197
    """
    weights = np.exp(-np.arange(count, dtype=np.float64))
    return float((weights / weights.sum()) @ (np.arange(1, count + 1) / count))
