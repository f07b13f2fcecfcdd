"""RankC as it is defined, for one fact."""

import math


def rankc(first, second):
    """RankC of two lists of candidates' scores."""
    n = len(first)
    one, other = (sorted(range(n), key=lambda c: -scores[c]) for scores in (first, second))
    weights = [math.exp(n - j) for j in range(1, n + 1)]
    return sum(w * len(set(one[:j]) & set(other[:j])) / j for j, w in enumerate(weights, 1)) / sum(weights)
