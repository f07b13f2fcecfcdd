"""Requests: one for each task and few-shot count."""

import pytest

from eval.scoring.task_requests import request_tasks
from eval.tasks.task_catalogue import read_catalogue, tasks_folder


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        (None, ["xcsqa_ja", "xcodah_ja"]),
        (2, ["xcsqa_ja", "xcodah_ja"]),
        ([2], ["xcsqa_ja", "xcodah_ja"]),
        ([0, 4], ["xcsqa_ja@0", "xcsqa_ja@4", "xcodah_ja"]),  # X-CODAH takes no examples
    ],
)
def test_several_counts_give_separate_results_of_tasks_that_take_examples(counts, names):
    catalogue = read_catalogue(tasks_folder())
    requests = request_tasks([catalogue["xcsqa_ja"], catalogue["xcodah_ja"]], counts)
    assert [request.name for request in requests] == names
