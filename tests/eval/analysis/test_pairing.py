"""Pairing of three_models, and three_models that cannot be paired."""

import shutil

import numpy as np
import pytest

from eval.analysis.pairing import pair_tasks, parse_model_argument, read_evaluated_model
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import ITEMS, write_scores


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("a/base", ("base", 1)), ("x=a", ("x", 1)), ("leia=a/1,a/2,a/3", ("leia", 3))],
)
def test_an_argument_is_a_folder_or_a_label_with_folders(argument, expected):
    label, folders = parse_model_argument(argument)
    assert (label, len(folders)) == expected


@pytest.mark.parametrize("argument", ["", "x=", "=a", "x=,"])
def test_an_argument_without_a_folder_or_label_is_refused(argument):
    with pytest.raises(ConfigurationError, match="expected DIR or LABEL=DIR"):
        parse_model_argument(argument)


def test_equal_labels_and_equal_models_are_refused(three_models):
    base = three_models[0]
    with pytest.raises(ConfigurationError, match="labels must differ, and are base, base"):
        pair_tasks([read_evaluated_model(base), read_evaluated_model(base)])
    with pytest.raises(ConfigurationError, match="evaluate the same model; list one evaluation for each training run"):
        read_evaluated_model(f"x={base},{base}")


@pytest.mark.parametrize("change", [{"scoring": "reference"}])
def test_different_conditions_are_refused_and_named(three_models, tmp_path, change):
    other = write_scores(tmp_path / "other", "ddd", {"xcsqa_ja": np.ones(ITEMS)}, **change)
    with pytest.raises(ConfigurationError, match=r"xcsqa_ja was not evaluated alike, the two differ in scoring"):
        pair_tasks([read_evaluated_model(three_models[0]), read_evaluated_model(str(other))])


def test_a_metric_is_compared_where_a_task_has_it_and_an_unknown_metric_is_refused(three_models):
    models = [read_evaluated_model(argument) for argument in three_models[:2]]
    assert {task.metric for task in pair_tasks(models, "acc_norm")} == {"acc_norm"}
    with pytest.raises(ConfigurationError, match=r"metric: 'acc_nrom' is not a score of these tasks; they have acc, acc_norm"):
        pair_tasks(models, "acc_nrom")


def test_models_without_a_common_task_and_missing_records_are_refused(three_models, tmp_path):
    other = write_scores(tmp_path / "other", "ddd", {"niilc_ja": np.ones(3)})
    with pytest.raises(ConfigurationError, match="base, other have no task in common"):
        pair_tasks([read_evaluated_model(three_models[0]), read_evaluated_model(str(other))])
    shutil.rmtree(tmp_path / "ft" / "samples")
    with pytest.raises(
        ConfigurationError, match=r"ft/samples/xcsqa_en\.jsonl does not exist: .* have lost their items; run python"
    ):
        pair_tasks([read_evaluated_model(argument) for argument in three_models[:2]])


def test_records_that_do_not_match_the_scores_are_refused(three_models, tmp_path):
    """As after a run that was killed between writing the records of another configuration and their scores."""
    shutil.copy(tmp_path / "base" / "samples" / "xcsqa_ja.jsonl", tmp_path / "ft" / "samples" / "xcsqa_ja.jsonl")
    with pytest.raises(ConfigurationError, match=r"ft/samples/xcsqa_ja\.jsonl holds other records than those behind the results"):
        pair_tasks([read_evaluated_model(argument) for argument in three_models[:2]])
