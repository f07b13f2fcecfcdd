"""Bands of population."""

from eval.analysis.population_bands import population_bands

from ..evaluations import answer


def test_bands_of_population_hold_equal_numbers_of_items():
    records = [answer(0, 1, population=size * 1000) for size in (400, 50, 100, 200)]
    assert population_bands(records, 2) == [
        "200 to 400 thousand",
        "50 to 100 thousand",
        "50 to 100 thousand",
        "200 to 400 thousand",
    ]
