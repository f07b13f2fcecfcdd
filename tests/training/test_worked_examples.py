"""The worked examples in docstrings hold."""

import doctest

import pytest

from spark_jobs.common import link_sampling, stateless_random
from training import config
from training.data import prefix_sums
from training.engine import learning_rate
from training.stream import lanes, name_insertion, sequence_index, source_mixture, stream_rules, wiki_plan

MODULES = (
    prefix_sums,
    stream_rules,
    sequence_index,
    lanes,
    source_mixture,
    name_insertion,
    wiki_plan,
    learning_rate,
    config,
    link_sampling,
    stateless_random,
)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_worked_examples_hold(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
