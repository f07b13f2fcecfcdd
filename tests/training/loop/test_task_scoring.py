"""The process that scores tasks while a model trains."""

import doctest

import pytest

from training.loop import task_scoring
from training.loop.task_scoring import TaskEvaluationError, TaskScoring


def test_the_worked_example_holds():
    assert doctest.testmod(task_scoring).failed == 0


def test_the_error_of_a_failed_evaluation_has_the_last_lines_of_its_log(tmp_path):
    (tmp_path / "tasks.yaml").write_text("tasks: [no_such_task]")
    scoring = TaskScoring(tmp_path / "model", tmp_path / "tasks.yaml", tmp_path)
    with pytest.raises(
        TaskEvaluationError, match=r"eval\.run ended with exit code 2; its log is .*log\.txt:\n(.|\n)*no_such_task"
    ):
        scoring.scores()
