"""The statistics against closed forms and scipy, and by simulation: error rates at their level, power as computed."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from eval.analysis.significance import (
    RunScores,
    adjusted_interval,
    bootstrap_interval,
    detectable_difference,
    exact_mcnemar,
    holm,
    paired_difference,
    sign_permutation,
)

ONES = np.ones


def runs(*scores):
    return RunScores(np.array(scores, dtype=np.float64))


def ids(n):
    return [str(number) for number in range(n)]


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (0, 5), (3, 9), (20, 20), (1, 0)])
def test_mcnemar_is_a_binomial_test_of_the_items_that_changed(only_first, only_second):
    first = np.array([1.0] * only_first + [0.0] * only_second + [1.0, 0.0])
    second = np.array([0.0] * only_first + [1.0] * only_second + [1.0, 0.0])
    changed = only_first + only_second
    expected = stats.binomtest(only_first, changed).pvalue if changed else 1.0
    assert exact_mcnemar(first, second) == pytest.approx(expected)


def test_all_permutations_of_few_clusters_are_counted():
    sums = np.array([0.5, -0.25, 1.0, 0.75])
    totals = [abs(sum(sign * value for sign, value in zip(signs, sums, strict=True))) for signs in product((-1, 1), repeat=4)]
    assert sign_permutation(np.append(sums, 0.0)) == np.mean([total >= abs(sums.sum()) for total in totals])
    assert sign_permutation(np.zeros(5)) == 1.0


def test_many_clusters_are_permuted_as_scipy_does():
    sums = np.random.default_rng(3).normal(0.15, 1, 60)
    scipys = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    ).pvalue
    assert sign_permutation(sums) == pytest.approx(scipys, abs=0.015)


def test_the_interval_of_single_items_is_agresti_and_mins():
    b, c, n = 3, 9, 40  # 3 items right only before, 9 only after
    sums = np.array([-1.0] * b + [1.0] * c + [0.0] * (n - b - c))
    low, high = adjusted_interval(sums, ONES(n))
    centre = (c - b) / (n + 2)
    variance = ((b + c + 1) / (n + 2) - centre**2) / (n + 1)
    half = stats.t.ppf(0.975, n - 1) * math.sqrt(variance)
    assert (low, high) == pytest.approx((centre - half, centre + half))


def test_an_interval_has_a_width_if_no_item_differs():
    found = paired_difference(runs([1, 0, 1, 0]), runs([1, 0, 1, 0]), ids(4))
    assert (found.points, found.p) == (0, 1)
    assert found.low < -10 < 10 < found.high


def test_a_cluster_with_one_differing_item_does_not_count_as_a_full_difference():
    gained = np.repeat([1.0, 0.0], 8)  # half of 16 items are right in one language more, of three
    first, second = np.zeros(48), np.concatenate([gained, np.zeros(32)])
    found = paired_difference(runs(first), runs(second), ids(16) * 3)
    assert found.p == 2 / 2**8
    square, mean = 1 / 3, (8 / 3) / 18
    half = stats.t.ppf(0.975, 15) * math.sqrt(((8 / 9 + square) / 18 - mean**2) / 17)
    assert (found.low, found.high) == pytest.approx((100 * (mean - half), 100 * (mean + half)))
    assert found.low > 0


def test_translations_count_as_one_item():
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 2, (2, 200)).astype(float)
    alone = paired_difference(runs(first), runs(second), ids(200))
    thrice = paired_difference(runs(np.tile(first, 3)), runs(np.tile(second, 3)), ids(200) * 3)
    naive = paired_difference(runs(np.tile(first, 3)), runs(np.tile(second, 3)), ids(600))
    assert thrice.points == pytest.approx(alone.points)
    assert (thrice.low, thrice.high) == pytest.approx((alone.low, alone.high), abs=0.02)
    assert thrice.p == pytest.approx(alone.p, abs=0.03)
    assert (thrice.items, thrice.clusters, thrice.test, alone.test) == (600, 200, "permutation", "exact McNemar")
    assert naive.high - naive.low < 0.6 * (alone.high - alone.low)


def test_holm_follows_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def simulate(draw, times=600, seed=1):
    """Share of simulated comparisons with p below 5 %, and share whose interval covers the true difference."""
    generator = np.random.default_rng(seed)
    found, covered = 0, 0
    for number in range(times):
        first, second, clusters, truth = draw(generator)
        result = paired_difference(first, second, clusters, seed=number)
        found += result.p < 0.05
        covered += result.low <= 100 * truth <= result.high
    return found / times, covered / times


def correlated(generator, n, base, gain=0.0, languages=1):
    """Answers of two models to items of different difficulty; `gain` is the true difference."""
    difficulty = generator.beta(2, 2, n)
    chance = np.clip(np.repeat(difficulty[None], languages, 0) * 0 + base + (difficulty - 0.5), 0.05, 0.95 - gain)
    shared = generator.random((1, n)) < 0.7  # both models fail and succeed together on most items
    one = generator.random((languages, n))
    other = np.where(shared, one, generator.random((languages, n)))
    return (one < chance).astype(float), (other < chance + gain).astype(float)


def test_mcnemar_keeps_its_level_without_a_difference():
    def draw(generator):
        first, second = correlated(generator, 300, 0.45)
        return runs(first[0]), runs(second[0]), ids(300), 0.0

    rate, coverage = simulate(draw)
    assert rate <= 0.065  # exact, hence at most 5 %; three standard errors of 600 simulations are 2.7 points
    assert rate > 0.01
    assert 0.93 <= coverage <= 0.985


@pytest.mark.slow  # half a minute
def test_clustered_languages_keep_the_level_and_separate_ones_do_not():
    def draw(generator, apart=False):
        n, languages = 120, 5
        first, second = generator.normal(0, 1, (2, n))  # knowledge of an item is the same in every language
        noise = generator.normal(0, 0.5, (2, languages, n))
        one, other = ((known + noise[side] > 0).astype(float) for side, known in enumerate((first, second)))
        names = ids(n * languages) if apart else ids(n) * languages
        return runs(one.ravel()), runs(other.ravel()), names, 0.0

    rate, coverage = simulate(draw, 400)
    assert 0.02 <= rate <= 0.08
    assert 0.92 <= coverage <= 0.985
    rate, _ = simulate(lambda generator: draw(generator, apart=True), 200)
    assert rate > 0.2


def test_p_and_interval_of_few_clusters_rarely_contradict_each_other():
    generator, contradictions, covered = np.random.default_rng(6), 0, 0
    for number in range(300):
        drawn = generator.random(48)  # 16 items in three languages; in three of ten answers one side is right alone
        first, second = (drawn < 0.075).astype(float), ((drawn >= 0.075) & (drawn < 0.3)).astype(float)
        found = paired_difference(runs(first), runs(second), ids(16) * 3, seed=number)
        contradictions += found.is_shown != (found.low > 0 or found.high < 0)
        covered += found.low <= 15 <= found.high
    assert contradictions <= 6  # with a full difference per cluster: about 37
    assert 0.93 <= covered / 300 <= 0.99


@pytest.mark.slow  # half a minute
def test_permutation_and_bootstrap_of_f1_keep_their_levels():
    def draw(generator):
        common = generator.beta(0.6, 0.6, 120)
        first, second = (np.clip(common + generator.normal(0, 0.2, 120), 0, 1) for _ in range(2))
        return runs(first), runs(second), ids(120), 0.0

    rate, coverage = simulate(draw, 300)
    assert 0.02 <= rate <= 0.085
    assert 0.915 <= coverage <= 0.98


def trained(generator, count, gain=0.0, binary=True):
    """Answers of two models to 300 items, `count` training runs of each, which differ more than items do."""
    sides = []
    for side in range(2):
        means = 0.5 + side * gain + generator.normal(0, 0.04, count)
        sides.append(
            generator.random((count, 300)) < means[:, None] if binary else generator.normal(means[:, None], 0.2, (count, 300))
        )
    return *(RunScores(scores.astype(float)) for scores in sides), ids(300), gain


@pytest.mark.parametrize("count", [pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow), 5])
def test_several_runs_keep_the_level_if_runs_differ_more_than_items(count):
    rate, coverage = simulate(lambda generator: trained(generator, count), 400)
    assert rate <= 0.075
    assert 0.925 <= coverage <= 0.995


@pytest.mark.slow  # the bootstrap, several hundred times
def test_the_bootstrap_of_several_runs_covers_the_true_difference():
    rate, coverage = simulate(lambda generator: trained(generator, 4, binary=False), 300)
    assert rate <= 0.08
    assert 0.92 <= coverage <= 0.99


def test_paired_runs_keep_the_level_and_find_differences_that_the_spread_of_bases_hides():
    def draw(generator, gain=0.0, paired=True):
        bases = 0.4 + generator.normal(0, 0.12, 5)  # both models of a seed share the quality of their base
        sides = [np.clip(bases + side * gain + generator.normal(0, 0.015, 5), 0, 1) for side in range(2)]
        first, second = (RunScores((generator.random((5, 400)) < means[:, None]).astype(float)) for means in sides)
        return paired_difference(first, second, ids(400), paired_runs=paired, seed=0)

    generator = np.random.default_rng(3)
    null = [draw(generator) for _ in range(300)]
    assert sum(found.is_shown for found in null) / 300 <= 0.075
    assert 0.93 <= sum(found.low <= 0 <= found.high for found in null) / 300 <= 0.995
    assert sum(draw(generator, 0.06).is_shown for _ in range(100)) >= 45
    assert sum(draw(generator, 0.06, paired=False).is_shown for _ in range(100)) <= 10


def test_unequal_numbers_of_paired_runs_are_refused():
    with pytest.raises(ValueError, match="2 and 1 runs cannot be paired"):
        paired_difference(runs([0, 1], [1, 1]), runs([0, 1]), ids(2), paired_runs=True)


def test_p_and_interval_of_several_runs_agree():
    generator, contradictions = np.random.default_rng(8), 0
    for number in range(100):
        found = paired_difference(*trained(generator, 4, gain=0.06)[:3], seed=number)
        contradictions += found.is_shown != (found.low > 0 or found.high < 0)
    assert contradictions <= 3  # with as many degrees of freedom as items less one: 9


def test_the_detectable_difference_of_several_runs_is_found_with_80_percent_power():
    generator = np.random.default_rng(9)
    detectable = np.median([paired_difference(*trained(generator, 5)[:3], seed=number).detectable for number in range(60)])
    power, _ = simulate(lambda generator: trained(generator, 5, gain=detectable / 100), 200)
    assert 0.68 <= power <= 0.92


def test_a_single_run_a_side_reports_the_spread_of_training_as_a_difference():
    def draw(generator):
        means = 0.5 + generator.normal(0, 0.04, 2)
        return *(runs(generator.random(1000) < mean) for mean in means), ids(1000), 0.0

    assert simulate(draw, 200)[0] > 0.3


@pytest.mark.parametrize("n", [100, 400])
def test_the_detectable_difference_is_found_with_80_percent_power(n):
    generator = np.random.default_rng(5)
    share = 0.2  # of items on which the models differ
    sums = np.where(generator.random(200_000) < share, np.sign(generator.random(200_000) - 0.5), 0)
    spread = detectable_difference(sums, ONES(200_000)) * math.sqrt(200_000 / n)

    def draw(generator):
        up = (share + spread) / 2
        chance = generator.random(n)
        first, second = (chance < share - up).astype(float), ((chance >= share - up) & (chance < share)).astype(float)
        return runs(first), runs(second), ids(n), spread

    power, _ = simulate(draw, 400)
    assert 0.7 <= power <= 0.88


def test_the_bootstrap_interval_is_near_the_t_interval_of_symmetric_data():
    values = np.random.default_rng(2).normal(0.1, 0.3, 400)
    low, high = bootstrap_interval(values, ONES(400))
    expected = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert (low, high) == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize("differing", [3, 5])
def test_f1_that_differs_in_a_few_items_has_an_interval_that_agrees_with_p(differing):
    first = np.full(120, 0.5)
    second = np.where(np.arange(120) < differing, 1.0, 0.5)
    found = paired_difference(runs(first), runs(second), ids(120))
    assert found.p == 2 / 2**differing
    assert found.low < 0 < found.points < found.high


def test_f1_that_differs_equally_in_every_item_has_an_interval_with_a_width():
    found = paired_difference(runs(np.full(30, 0.3)), runs(np.full(30, 0.4)), ids(30))
    assert found.low < found.points - 1 < found.points + 1 < found.high


def test_one_cluster_shows_nothing():
    found = paired_difference(runs([0.2]), runs([0.9]), ["a"])
    assert (found.low, found.high, found.detectable) == (-100, 100, 100)
    assert not found.is_shown
