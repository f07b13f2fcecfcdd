"""The records of one model on the same facts in several languages."""

import pytest

from eval.analysis.parallel_facts import check_same_facts, correct_answers, loglikelihoods, read_parallel_facts
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import answer, write_evaluation


def records(*right, first=0):
    return [answer(place, is_right, f"item{first + place}") for place, is_right in enumerate(right)]


@pytest.mark.parametrize(
    ("tasks", "found"),
    [
        ({"towns_en": records(1)}, "no language"),
        ({"cities_ja": records(1), "cities_ar": records(1)}, "ja, ar"),
        ({"cities_en": records(1)}, "en"),
    ],
)
def test_english_and_another_language_are_needed(tmp_path, tasks, found):
    write_evaluation(tmp_path, "f", tasks)
    with pytest.raises(ConfigurationError, match=rf"holds cities in {found}; evaluate it in en and another"):
        read_parallel_facts(tmp_path, "cities")


@pytest.mark.parametrize("other", [records(1, 0, first=7), records(1), list(reversed(records(1, 0)))])
def test_a_language_that_asks_other_facts_is_refused(tmp_path, other):
    write_evaluation(tmp_path, "f", {"cities_en": records(1, 0), "cities_ja": other})
    with pytest.raises(ConfigurationError, match="cities_ja asks other facts than cities_en; evaluate both on the same facts"):
        read_parallel_facts(tmp_path, "cities")


def test_a_model_that_answered_other_facts_is_refused_with_its_label():
    same = {"en": records(1, 0), "ja": records(0, 0)}
    check_same_facts({"base": same, "ft": {"en": records(0, 1)}})  # the same facts with other answers
    with pytest.raises(ConfigurationError, match="leia answered other facts than base"):
        check_same_facts({"base": same, "ft": same, "leia": {"en": records(1, 0, first=7)}})


def test_english_comes_first_and_other_tasks_are_left_out(tmp_path):
    tasks = {"cities_ja": records(0, 1), "xcsqa_ko": records(1), "cities_en": records(1, 1)}
    facts = read_parallel_facts(write_evaluation(tmp_path, "f", tasks), "cities")
    assert list(facts) == ["en", "ja"]
    assert {language: correct_answers(found).tolist() for language, found in facts.items()} == {"en": [1, 1], "ja": [0, 1]}


def test_arrays_have_a_row_for_each_fact():
    found = loglikelihoods(records(1, 0))
    assert found.tolist() == [[-1.0, -2.0, -3.0], [-2.0, -1.0, -3.0]]
    assert correct_answers(records(1, 0, 1)).tolist() == [1.0, 0.0, 1.0]
