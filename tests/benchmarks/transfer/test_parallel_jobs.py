"""Jobs in processes."""

import dataclasses
import importlib.util
import io

import pytest
from rich.console import Console


def test_the_modules_of_the_project_that_are_preloaded_exist(load):
    """The server process ignores a name that it cannot import; jobs would then import everything themselves."""
    own = [name for name in load("parallel_jobs").PRELOADED_MODULES if name.startswith(("training.", "eval."))]
    assert len(own) > 4
    assert [name for name in own if importlib.util.find_spec(name) is None] == []


def test_the_exit_code_of_a_job_is_right_while_others_start(load, tmp_path, monkeypatch) -> None:
    """The start of a process reads the exit codes of the others, and what two threads read at a time is 255 in one of them."""
    module = load("parallel_jobs")
    monkeypatch.setattr(module, "PRELOADED_MODULES", [])
    jobs = [
        module.Job(f"job {number}", _succeed, None, tmp_path / f"{number}.txt", finished=lambda: False, size=1.0)
        for number in range(40)
    ]
    console = Console(file=io.StringIO())
    module.run_jobs(jobs, 8, "cpu", console)
    failing = dataclasses.replace(jobs[0], name="job 40", run=_fail)
    with pytest.raises(module.JobFailedError, match="job 40 failed with exit code 3"):
        module.run_jobs([*jobs, failing], 8, "cpu", console)


def _succeed(_: None) -> int:
    return 0


def _fail(_: None) -> int:
    return 3
