"""The warning when tasks wait and none runs."""

import pytest

from spark_jobs.runtime.starvation_watch import StarvationWatch

# Each step: seconds since the start, whether a stage has tasks, running tasks of all stages.
STEPS = {
    "tasks wait and none runs": ([(1, True, 0), (30, True, 0), (60, True, 0)], True),
    "not yet a minute": ([(1, True, 0), (59, True, 0)], False),
    "tasks run": ([(1, True, 2), (59, True, 2), (90, True, 1)], False),
    "tasks of another wiki run": ([(30, True, 0), (50, True, 1), (100, True, 0)], False),
    "a minute after the last task": ([(50, True, 1), (110, True, 0)], True),
    "no stage has tasks": ([(1, False, 0), (100, False, 0)], False),
    "between two jobs": ([(50, False, 0), (100, True, 0)], False),
}


@pytest.mark.parametrize(("steps", "is_starved"), STEPS.values(), ids=STEPS.keys())
def test_starvation_is_detected_after_a_minute_without_running_tasks(steps, is_starved) -> None:
    watch = StarvationWatch(0.0)
    assert [watch.is_starved(*step) for step in steps] == [False] * (len(steps) - 1) + [is_starved]
