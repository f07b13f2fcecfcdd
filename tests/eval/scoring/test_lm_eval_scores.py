"""Output of lm-eval's evaluator as scores and records."""

import math

import pytest

from eval.results.evaluation_results import Score
from eval.scoring.lm_eval_scores import TaskOutcome, parse_scores, records_of_samples, standard_error

from ..evaluations import answer


def sample(doc_id, answers, **more):
    """A sample as lm-eval logs it."""
    return {
        "doc_id": doc_id,
        "doc": {"id": 70 + doc_id, **more},
        "target": 1,
        "metrics": ["acc"],
        "acc": 1,
        "doc_hash": f"d{doc_id}",
        "prompt_hash": f"p{doc_id}",
        "filtered_resps": answers,
    }


@pytest.mark.parametrize(
    ("metrics", "scores"),
    [
        ({"alias": "t"}, {}),
        ({"acc,none": 0.5}, {"acc": Score(value=0.5, stderr=None)}),
        ({"acc,none": 1, "acc_stderr,none": "N/A"}, {"acc": Score(value=1.0, stderr=None)}),
        (
            {"alias": "t", "acc,none": 0.5, "acc_stderr,none": 0.125, "char_f1,none": 0.25, "char_f1_stderr,none": 0},
            {"acc": Score(value=0.5, stderr=0.125), "char_f1": Score(value=0.25, stderr=0.0)},
        ),
    ],
)
def test_scores_have_their_own_standard_errors(metrics, scores):
    assert parse_scores(metrics) == scores


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0], None), ([1.0, 1.0], 0.0), ([0.0, 1.0], 0.5), ([1.0, 0.0, 0.0, 1.0], math.sqrt(1 / 3) / 2)]
)
def test_a_standard_error_needs_two_values(values, expected):
    assert standard_error(values) == (None if expected is None else pytest.approx(expected))


def test_a_choice_is_the_first_of_the_likeliest_and_records_are_in_the_order_of_documents():
    first, second = records_of_samples(
        [
            sample(1, [("-1.5", "False"), ("-1.5", "True"), ("-2.0", "False")], attributes={"population": 5}),
            sample(0, [(-3.0, False), (-0.5, True)], attributes=None),
        ]
    )
    assert (first.doc_id, first.id, first.prediction, first.loglikelihoods) == (0, "70", 1, [-3.0, -0.5])
    assert (second.doc_id, second.id, second.prediction, second.loglikelihoods) == (1, "71", 0, [-1.5, -1.5, -2.0])
    assert (first.attributes, second.attributes) == ({}, {"population": 5})
    assert (first.gold, first.metrics, first.doc_hash, first.prompt_hash) == (1, {"acc": 1.0}, "d0", "p0")


def test_a_written_answer_is_the_prediction():
    (record,) = records_of_samples([sample(0, ["東京"]) | {"target": "京都", "acc": 0}])
    assert (record.prediction, record.gold, record.loglikelihoods, record.metrics) == ("東京", "京都", [], {"acc": 0.0})


def written(place):
    return answer(place, 0).model_copy(update={"loglikelihoods": [], "prediction": "text"})


@pytest.mark.parametrize(
    ("records", "chance"),
    [
        ([answer(0, 1)], 1 / 3),
        ([answer(0, 1), answer(1, 1).model_copy(update={"loglikelihoods": [0.0] * 5})], (1 / 3 + 1 / 5) / 2),
        ([written(0), written(1)], 0.0),
    ],
)
def test_chance_is_the_mean_over_items_of_one_in_the_number_of_choices(records, chance):
    assert TaskOutcome({}, records, 0).chance == pytest.approx(chance)
