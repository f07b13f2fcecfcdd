"""Is a difference of accuracy more than chance? An interval from the two accuracies and the number of items alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eval.published import Comparison
from eval.results import count_tasks

_Z = 1.96


@dataclass(frozen=True)
class Difference:
    """Accuracy after training minus accuracy before, in points (hundredths)."""

    points: float
    """As observed."""
    low: float
    high: float
    """An approximate 95 % interval."""

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves zero out."""
        return not self.low <= 0 <= self.high


def difference(comparisons: Sequence[Comparison], metric: str) -> Difference:
    """The difference over all items of `comparisons`, for a metric that is 0 or 1 of each item.

    One task: Agresti and Caffo's interval (The American Statistician 54, 2000). Each of the two proportions gets one success
    and one failure more, which keeps the interval honest where a score is 0 or 1 and where items are few. It takes the answers
    of the two models for independent; they mostly are alike, and then a paired test on the item records sees more.
    Several tasks, weighted by their items: their standard errors are added as if the tasks moved together, the least
    favourable case, for tasks of several languages ask translations of the same items.

    Worked example, 3 of 16 right before and 5 of 16 after: 12.5 points are observed. With 4 of 18 and 6 of 18 the centre is
    11.1 points and the standard error sqrt(4/18 * 14/18 / 18 + 6/18 * 12/18 / 18) = 14.8 points: from -17.9 to 40.1.
    """
    items = sum(comparison.n for comparison in comparisons)
    points = centre = error = 0.0
    for comparison in comparisons:
        n, weight = comparison.n, 100 * comparison.n / items
        before, after = comparison.before[metric].value, comparison.after[metric].value
        shrunk = [(value * n + 1) / (n + 2) for value in (before, after)]
        points += weight * (after - before)
        centre += weight * (shrunk[1] - shrunk[0])
        error += weight * math.sqrt(sum(value * (1 - value) / (n + 2) for value in shrunk))
    return Difference(points, max(-100.0, centre - _Z * error), min(100.0, centre + _Z * error))


def verdict(comparisons: Sequence[Comparison], metric: str) -> str:
    """What the figures of the single tasks show, in a sentence or two."""
    differences = {comparison.task: difference([comparison], metric) for comparison in comparisons}
    shown = {task: found for task, found in differences.items() if found.is_shown}
    if shown:
        listed = ", ".join(f"{task} {found.points:+.1f} ({interval(found)})" for task, found in shown.items())
        return (
            f"In {len(shown)} of {count_tasks(len(comparisons))} the 95 % interval of the difference in {metric} leaves zero "
            f"out, in points: {listed}. Without any effect, one task in twenty would do so by chance."
        )
    fewest = min(comparisons, key=lambda comparison: comparison.n)
    found = differences[fewest.task]
    return (
        f"No difference in {metric} is shown: in none of {count_tasks(len(comparisons))} does its 95 % interval leave zero out. "
        f"With {fewest.n} items, as in {fewest.task}, only a change of about {(found.high - found.low) / 2:.0f} points would."
    )


def interval(found: Difference) -> str:
    """`-18 to +40`, in points."""
    return f"{found.low:+.0f} to {found.high:+.0f}"
