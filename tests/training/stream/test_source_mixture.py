"""The wiki of a sequence: shares, their evenness, and that every sequence of a wiki comes once."""

import numpy as np
import pytest

from training.stream.source_mixture import PERIOD, Mixture, period_quotas, temperature_shares, weighted_shares


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(1.0, [0.9, 0.1]), (2.0, [0.75, 0.25]), (1e9, [0.5, 0.5])],
)
def test_a_higher_temperature_raises_the_share_of_small_wikis(temperature, expected):
    assert temperature_shares(np.array([900, 100]), temperature) == pytest.approx(expected)


def test_a_wiki_without_tokens_has_no_share_at_any_temperature():
    assert temperature_shares(np.array([900, 0]), 1e9).tolist() == [1.0, 0.0]


def test_weights_are_shares_whatever_their_sum():
    assert weighted_shares(("a", "b"), np.array([1, 10**6]), {"b": 3, "a": 1}).tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("weights", "message"),
    [({"a": 1}, "names a, but data.wikis is a, b"), ({"a": 1, "b": 1}, "b has no tokens, so it cannot be given a share")],
)
def test_impossible_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        weighted_shares(("a", "b"), np.array([5, 0]), weights)


@pytest.mark.parametrize("seed", range(5))
def test_quotas_fill_the_period_and_give_every_wiki_one(seed):
    share = np.random.default_rng(seed).dirichlet(np.full(300, 0.01))
    quota = period_quotas(share)
    assert quota.sum() == PERIOD
    assert (quota[share > 0] >= 1).all()
    assert np.abs(quota - share * PERIOD).max() <= 300


@pytest.mark.parametrize("quota", [[7], [5, 3], [30, 5, 1], [1, 1, 1, 1]])
def test_a_slot_takes_each_wikis_sequences_in_order_and_skips_none(quota):
    mixture = Mixture(np.array(quota), slots=4)
    for slot in range(4):
        wiki, number = mixture.locate(slot, np.arange(5 * sum(quota)))
        for w in range(len(quota)):
            assert number[wiki == w].tolist() == list(range((wiki == w).sum()))
        assert np.bincount(wiki).tolist() == [5 * q for q in quota]


def test_shares_hold_in_every_stretch_of_a_slot_and_in_every_batch():
    share = np.array([0.6, 0.3, 0.1])
    mixture = Mixture(period_quotas(share), slots=64)
    for slot in (0, 17, 63):
        wiki, _ = mixture.locate(slot, np.arange(12_345, 12_345 + 1000))
        assert np.abs(np.bincount(wiki, minlength=3) - 1000 * share).max() <= 3
    slots, k = np.repeat(np.arange(64), 4), np.tile(np.arange(8, 12), 64)
    assert np.abs(np.bincount(mixture.locate(slots, k)[0], minlength=3) - 256 * share).max() <= 12


def test_a_place_far_ahead_is_found_without_counting():
    mixture = Mixture(np.array([2, 1]), slots=1)
    wiki, number = mixture.locate(0, 3 * 10**12 + 1)
    assert (int(wiki), int(number)) == (1, 10**12)
