"""Which links get their name: shares, and the inputs of a draw."""

import numpy as np
import pytest

from spark_jobs.common.link_sampling import choose

OFFSETS = np.array([0, 100, 50_100])


def draws(**changes):
    pages = {"wiki": "jawiki", "page_id": np.array([7, 8]), "link_offsets": OFFSETS}
    return choose(**({"seed": 1, "epoch": 0, "probability": 0.5} | pages | changes))


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_probability_0_chooses_no_link_and_1_all(probability, share):
    assert draws(probability=probability).mean() == share


def test_the_chosen_share_is_the_probability():
    for probability in (0.1, 0.5, 0.9):
        error = np.sqrt(probability * (1 - probability) / 50_100)
        assert abs(draws(probability=probability).mean() - probability) < 4 * error


@pytest.mark.parametrize("change", [{"seed": 2}, {"epoch": 1}, {"wiki": "dewiki"}, {"page_id": np.array([9, 7])}])
def test_seed_epoch_wiki_and_page_each_change_the_draw(change):
    assert (draws()[:100] != draws(**change)[:100]).sum() > 25  # 50 are expected of independent draws


def test_a_draw_does_not_depend_on_other_documents():
    alone = draws(page_id=np.array([8]), link_offsets=np.array([100, 50_100]))
    assert alone.tolist() == draws()[100:].tolist()
