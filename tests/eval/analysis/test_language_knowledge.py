"""Knowledge in one language, compared with English."""

import numpy as np
import pytest

from eval.analysis.language_knowledge import compare_with_english

from .rankc_definition import rankc


def test_knowledge_of_one_language_compared_with_english():
    english = np.array([[2.0, 1, 0], [0, 2, 1], [1, 0, 2], [2, 1, 0]])
    other = np.array([[2.0, 1, 0], [2, 0, 1], [1, 0, 2], [0, 2, 1]])
    found = compare_with_english("ja", other, np.array([0, 1, 2, 2]), english)  # English right: 3 of 4; of those, 2 in Japanese
    assert (found.accuracy, found.known_in_english, found.transfer) == (50, 3, pytest.approx(200 / 3))
    assert found.difference.points == -25
    assert found.transfer_low < found.transfer < found.transfer_high
    assert found.consistency == pytest.approx(100 * np.mean([rankc(a, b) for a, b in zip(english, other, strict=True)]))
