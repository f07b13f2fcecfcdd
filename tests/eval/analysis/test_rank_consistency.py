"""RankC against its definition."""

import math
from itertools import permutations

import numpy as np
import pytest

from eval.analysis.rank_consistency import chance_consistency, rank_consistency


def rankc(first, second):
    """The definition, word by word, for one fact."""
    n = len(first)
    one, other = (sorted(range(n), key=lambda c: -scores[c]) for scores in (first, second))
    weights = [math.exp(n - j) for j in range(1, n + 1)]
    return sum(w * len(set(one[:j]) & set(other[:j])) / j for j, w in enumerate(weights, 1)) / sum(weights)


def test_rankc_is_its_definition_for_every_pair_of_rankings():
    rankings = np.array(list(permutations([4.0, 3.0, 2.0, 1.0])))
    for base in rankings[:5]:
        found = rank_consistency(np.tile(base, (24, 1)), rankings)
        assert found == pytest.approx([rankc(base, other) for other in rankings])
    everything = rank_consistency(np.tile(rankings[0], (24, 1)), rankings)
    assert everything[0] == 1
    assert everything.mean() == pytest.approx(chance_consistency(4))
