"""Stateless random numbers: the published generator, uniform draws, permutations."""

import numpy as np

from spark_jobs.common.stateless_random import mix, permutation, uniform


def test_the_mixing_function_is_splitmix64():
    # The first outputs of the public domain splitmix64.c (Vigna) for the seed 1234567.
    step = 0x9E3779B97F4A7C15
    counters = np.array([(1234567 + n * step) % 2**64 for n in range(5)], dtype=np.uint64)
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert mix(counters).tolist() == published


def test_uniform_numbers_lie_in_the_half_open_interval():
    assert uniform(np.array([0, 2**64 - 1], dtype=np.uint64)).tolist() == [0.0, 1 - 2.0**-53]


def test_a_permutation_holds_every_member_once():
    assert sorted(permutation(mix(1), 1000).tolist()) == list(range(1000))
    assert permutation(mix(1), 1000).tolist() != permutation(mix(2), 1000).tolist()
