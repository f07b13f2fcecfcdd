"""What the console says while Spark works."""

import pytest

from spark_jobs.runtime.job_progress import Starvation

# Each step: seconds since the beginning, whether a stage has tasks, how many tasks run anywhere.
STEPS = {
    "tasks wait and none runs": ([(1, True, 0), (30, True, 0), (60, True, 0)], True),
    "not yet a minute": ([(1, True, 0), (59, True, 0)], False),
    "tasks run": ([(1, True, 2), (59, True, 2), (90, True, 1)], False),
    "tasks of another wiki run": ([(30, True, 0), (50, True, 1), (100, True, 0)], False),
    "a minute after the last task": ([(50, True, 1), (110, True, 0)], True),
    "nothing is to be done": ([(1, False, 0), (100, False, 0)], False),
    "between two jobs": ([(50, False, 0), (100, True, 0)], False),
}


@pytest.mark.parametrize(("steps", "told"), STEPS.values(), ids=STEPS.keys())
def test_it_is_noticed_that_tasks_wait_and_none_runs(steps, told) -> None:
    starvation = Starvation(0.0)
    assert [starvation.lasts(*step) for step in steps] == [False] * (len(steps) - 1) + [told]
