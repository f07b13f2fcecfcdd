"""The conditions under which two results are comparable."""

import re

import pytest

from eval.results.comparison_conditions import check_evaluated_alike, comparison_conditions
from eval.results.evaluation_results import read_results
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import answer, write_evaluation


@pytest.fixture
def result(tmp_path):
    return read_results(write_evaluation(tmp_path, "f", {"xcsqa_ja": [answer(0, 1), answer(1, 0)]})).tasks["xcsqa_ja"]


def with_examples(result, seed):
    return result.model_copy(update={"num_fewshot": 4, "settings": result.settings | {"seed": seed}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scoring": "reference"}, "scoring (standard, reference)"),
        ({"scoring_version": "2"}, "scoring_version (1, 2)"),
        ({"task_sha256": "u"}, "task_sha256 (t, u)"),
        ({"data": {"items_sha256": "j"}}, "data (i, j)"),
        ({"n": 3, "dtype": "bfloat16"}, "n (2, 3), dtype (float32, bfloat16)"),
        ({"num_fewshot": 4}, "num_fewshot (0, 4), seed (None, 42)"),
    ],
)
def test_differing_conditions_are_refused_with_both_values(result, changes, message):
    other = result.model_copy(update=changes)
    expected = f"base, leia: xcsqa_ja was not evaluated alike, the two differ in {message}; evaluate both again"
    with pytest.raises(ConfigurationError, match=re.escape(expected)):
        check_evaluated_alike("xcsqa_ja", ("base", result), ("leia", other))


def test_the_seed_counts_only_where_it_draws_examples(result):
    assert comparison_conditions(result)["seed"] is None
    check_evaluated_alike("t", ("a", result), ("b", result.model_copy(update={"settings": result.settings | {"seed": 1}})))
    with pytest.raises(ConfigurationError, match=r"the two differ in seed \(1, 2\)"):
        check_evaluated_alike("t", ("a", with_examples(result, 1)), ("b", with_examples(result, 2)))


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "other", "version": "2.0", "chance": 0.5, "seconds": 9.0, "samples_sha256": "s", "language": "ar"},
        {"data": {"items_sha256": "i", "file": "elsewhere"}},
        {"versions": {"torch": "9"}},
    ],
)
def test_nothing_else_counts(result, changes):
    assert comparison_conditions(result.model_copy(update=changes)) == comparison_conditions(result)
