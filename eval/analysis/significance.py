"""Significance of the difference between two models: pure functions of per-item scores.

The unit is the item. Both models answered the same items, so the tests use the differences item by item (Miller 2024,
arXiv 2411.00640): the difficulty of an item for both cancels out. Items that are translations of one another are one cluster:
they succeed and fail together, and counting them separately would make intervals too narrow. With several training runs a side,
an item's score is the mean over its runs, and the spread of the runs' means is added to the error. Where runs are pairs (same
seed, same base), it is the spread of the pairs' differences, so that the quality of a base cancels out as well. The noise of a
single answer in a single run is part of both the items' and the runs' spread: where runs hardly differ, intervals are wider than
necessary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

Floats = npt.NDArray[np.float64]

MIN_DIFFERING_CLUSTERS = 10
"""Fewest differing clusters for the bootstrap: with fewer, its samples are so alike that intervals are far too narrow."""
RESAMPLES = 9_999
"""Permutations and bootstrap samples where there are too many to enumerate."""
LEVEL = 0.05
POWER = 0.8


@dataclass(frozen=True)
class RunScores:
    """One model's scores on one set of items."""

    scores: Floats
    """(runs, items): a score of 0 to 1 for each training run and item."""

    @property
    def item_means(self) -> Floats:
        """(items,): each item's mean over the runs."""
        mean: Floats = self.scores.mean(axis=0)
        return mean

    @property
    def run_variance(self) -> float:
        """Squared standard error of the mean from the choice of runs; 0 for a single run, whose spread is unknown."""
        runs = len(self.scores)
        return float(self.scores.mean(axis=1).var(ddof=1) / runs) if runs > 1 else 0.0

    def minus(self, other: "RunScores") -> "RunScores":
        """Differences item by item, run by run."""
        return RunScores(self.scores - other.scores)


@dataclass(frozen=True)
class PairedDifference:
    """One model's scores minus another's, on the same items. Differences are in points (hundredths)."""

    points: float
    """Mean difference."""
    low: float
    high: float
    """95 % interval."""
    p: float
    """p value of the hypothesis of no difference."""
    detectable: float
    """Minimum detectable difference: a test at 5 % with this many clusters and this spread finds it with a power of 80 %."""
    items: int
    clusters: int
    test: str
    """Name of the test behind `p`."""

    @property
    def is_shown(self) -> bool:
        """Whether p is below 5 %, before any correction for several tests."""
        return self.p < LEVEL


def paired_difference(
    first: RunScores, second: RunScores, clusters: Sequence[str], *, paired_runs: bool = False, seed: int = 0
) -> PairedDifference:
    """`second` minus `first`; `clusters` names each item's cluster, in the items' order.

    `paired_runs`: run k of both has the same seed and the same base. Raises `ValueError` if their numbers differ.

    p: exact McNemar where every score is 0 or 1, runs are single and every cluster is one item; else a permutation of the
    signs of the clusters' differences, exact up to 13 clusters; with several runs the larger of that and a t test that
    includes the spread of the runs.
    Interval: a t interval of the clusters' mean difference where scores are right or wrong, with Agresti and Min's two added
    observations (Statistics in Medicine 24, 2005; half of them differences, in both directions), so that it has a width
    where no item differs; else the bias-corrected and accelerated bootstrap over clusters. With several runs both are widened
    by the spread of the runs, and use Student's t with the degrees of freedom of p: five runs give a poor estimate of a spread.
    """
    differences = second.item_means - first.item_means
    sums, sizes = _by_cluster(differences, clusters)
    if paired_runs and len(first.scores) != len(second.scores):
        raise ValueError(f"{len(first.scores)} and {len(second.scores)} runs cannot be paired: the numbers must be equal")
    sources = [second.minus(first)] if paired_runs else [first, second]
    spread = sum(source.run_variance for source in sources)
    binary = bool(np.isin(first.scores, (0, 1)).all() and np.isin(second.scores, (0, 1)).all())
    single = len(first.scores) == len(second.scores) == 1
    if binary and single and len(sums) == len(differences):
        p, test = exact_mcnemar(first.scores[0], second.scores[0]), "exact McNemar"
    else:
        p, test = sign_permutation(sums, seed), "permutation"
    freedom = _freedom(sums, sizes, sources) if spread else max(len(sums) - 1.0, 1.0)
    if spread:
        t = abs(float(differences.mean())) / math.sqrt(_variance(sums, sizes) + spread)
        p, test = max(p, float(2 * stats.t.sf(t, freedom))), f"permutation and {'paired ' if paired_runs else ''}runs"
    if binary:
        low, high = adjusted_interval(sums, sizes, spread, freedom)
    else:
        low, high = bootstrap_interval(sums, sizes, spread, freedom, seed)
    return PairedDifference(
        points=100 * float(differences.mean()),
        low=100 * low,
        high=100 * high,
        p=p,
        detectable=100 * detectable_difference(sums, sizes, spread, freedom),
        items=len(differences),
        clusters=len(sums),
        test=test,
    )


def exact_mcnemar(first: Floats, second: Floats) -> float:
    """The p value of McNemar's exact test on answers that are right (1) or wrong (0).

    >>> round(exact_mcnemar(np.array([1.0, 0, 0, 0, 0, 0]), np.array([1.0, 1, 1, 1, 1, 1])), 4)  # 5 of 5 changes: 2 / 2**5
    0.0625
    """
    table = [[int(((first == a) & (second == b)).sum()) for b in (1, 0)] for a in (1, 0)]
    return float(mcnemar(table, exact=True).pvalue)


def sign_permutation(sums: Floats, seed: int = 0) -> float:
    """Two-sided p of the clusters' summed differences under random signs: all of them up to 13 clusters, else 9,999 draws.

    Clusters without a difference are left out first: signs do not change them.
    """
    kept = sums[sums != 0]
    if not len(kept):
        return 1.0
    if len(kept) <= 13:  # 8,192 signs: fewer than the number of draws
        signs = (((np.arange(2 ** len(kept))[:, None] >> np.arange(len(kept))) & 1) * 2 - 1).astype(np.float64)
        totals = np.abs(signs @ kept)
        return float((totals >= abs(kept.sum()) * (1 - 1e-12)).mean())
    generator = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, RESAMPLES, 1000):
        drawn = generator.integers(0, 2, (min(1000, RESAMPLES - start), len(kept))) * 2 - 1
        extreme += int((np.abs(drawn @ kept) >= abs(kept.sum()) * (1 - 1e-12)).sum())
    return (extreme + 1) / (RESAMPLES + 1)


def adjusted_interval(sums: Floats, sizes: Floats, spread: float = 0.0, freedom: float | None = None) -> tuple[float, float]:
    """95 % t interval of the mean difference with two observations added: ±d with weight a half each, and 0 with weight 1.

    d is a full difference for clusters of one item: Agresti and Min's interval, with t for z. For clusters of m items, d² is the
    mean square of the clusters that differ, but no less than 1 / m, the value of independent items: with a full difference of a
    whole cluster, intervals of few clusters are so wide that they contain 0 where permutation finds p below 1 %.

    `freedom`: degrees of freedom of the whole error, by default one less than the clusters.
    """
    clusters = len(sums)
    size = float(sizes.mean())
    added = clusters + 2
    relative = sums / size  # a cluster's part of the mean, times the number of clusters
    mean = float(relative.sum()) / added
    differing = relative[relative != 0]
    square = max(1 / size, float((differing**2).mean())) if len(differing) else 1.0
    squares = float((relative**2).sum()) + square
    error = math.sqrt(max(squares / added - mean**2, 0.0) / (added - 1) + spread)
    half = float(stats.t.ppf(1 - LEVEL / 2, freedom or max(clusters - 1, 1))) * error
    return max(-1.0, mean - half), min(1.0, mean + half)


def bootstrap_interval(
    sums: Floats, sizes: Floats, spread: float = 0.0, freedom: float = math.inf, seed: int = 0
) -> tuple[float, float]:
    """95 % BCa bootstrap interval of the mean difference over clusters, each half widened by the spread of runs in quadrature.

    With a spread, Student's t with `freedom` degrees replaces the normal distribution.
    """
    mean = float(sums.sum() / sizes.sum())
    if len(sums) < 2 or np.count_nonzero(sums) < MIN_DIFFERING_CLUSTERS or np.ptp(sums / sizes) < 1e-12:
        return (-1.0, 1.0) if len(sums) < 2 else adjusted_interval(sums, sizes, spread, freedom if spread else None)

    def statistic(sums: Floats, sizes: Floats, axis: int = -1) -> Floats:
        total: Floats = sums.sum(axis=axis) / sizes.sum(axis=axis)
        return total

    found = stats.bootstrap(
        (sums, sizes), statistic, n_resamples=RESAMPLES, paired=True, rng=np.random.default_rng(seed), batch=500
    ).confidence_interval
    z = float(stats.norm.ppf(1 - LEVEL / 2))
    wider = float(stats.t.ppf(1 - LEVEL / 2, freedom)) / z if spread else 1.0
    below, above = (wider * math.hypot(half, z * math.sqrt(spread)) for half in (mean - found.low, found.high - mean))
    return max(-1.0, mean - below), min(1.0, mean + above)


def detectable_difference(sums: Floats, sizes: Floats, spread: float = 0.0, freedom: float | None = None) -> float:
    """The true mean difference that a two-sided t test at 5 % finds with a power of 80 %.

    If no item differs, the spread of a single differing item is used. `freedom`: degrees of freedom of the
    whole error, by default one less than the clusters.
    """
    clusters = len(sums)
    if clusters < 2:
        return 1.0
    variance = max(_variance(sums, sizes), 1 / clusters**2 / 2)
    observations = clusters if freedom is None else freedom + 1  # sample size whose mean has that many degrees of freedom
    effect = float(TTestPower().solve_power(nobs=observations, alpha=LEVEL, power=POWER, alternative="two-sided"))
    return min(1.0, effect * math.sqrt((variance + spread) * observations))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p values: a value below 5 % holds for all tests of the family together.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []


def _by_cluster(differences: Floats, clusters: Sequence[str]) -> tuple[Floats, Floats]:
    """(clusters,) sums of differences, and (clusters,) numbers of items."""
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums: Floats = np.bincount(index, weights=differences).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def _variance(sums: Floats, sizes: Floats) -> float:
    """Squared standard error of the mean difference over items, robust to correlation within clusters."""
    clusters = len(sums)
    if clusters < 2:
        return 0.0
    residuals = sums - sizes * (sums.sum() / sizes.sum())
    return float(clusters / (clusters - 1) * (residuals**2).sum() / sizes.sum() ** 2)


def _freedom(sums: Floats, sizes: Floats, sources: Sequence[RunScores]) -> float:
    """Welch and Satterthwaite's degrees of freedom of the items' variance and each source's variance of runs."""
    parts = [(_variance(sums, sizes), len(sums) - 1)]
    parts += [(source.run_variance, len(source.scores) - 1) for source in sources]
    weights = [variance**2 / freedom for variance, freedom in parts if variance and freedom > 0]
    return sum(variance for variance, _ in parts) ** 2 / sum(weights) if weights else 1.0
