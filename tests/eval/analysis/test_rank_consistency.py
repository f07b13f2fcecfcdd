"""RankC against its definition."""

from itertools import permutations

import numpy as np
import pytest

from eval.analysis.rank_consistency import chance_consistency, rank_consistency

from .rankc_definition import rankc


def test_rankc_equals_its_definition_for_every_pair_of_rankings():
    rankings = np.array(list(permutations([4.0, 3.0, 2.0, 1.0])))
    for base in rankings[:5]:
        found = rank_consistency(np.tile(base, (24, 1)), rankings)
        assert found == pytest.approx([rankc(base, other) for other in rankings])
    everything = rank_consistency(np.tile(rankings[0], (24, 1)), rankings)
    assert everything[0] == 1
    assert everything.mean() == pytest.approx(chance_consistency(4))
