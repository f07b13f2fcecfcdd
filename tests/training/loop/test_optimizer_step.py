"""One optimizer step; whole runs are in `test_trainer`."""

import doctest

from training.loop import optimizer_step


def test_the_worked_examples_hold():
    result = doctest.testmod(optimizer_step)
    assert (result.attempted, result.failed) == (3, 0)
