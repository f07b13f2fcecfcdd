"""The limit on open files, and the message instead of a trace where Spark cannot start."""

import doctest
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import spark_jobs.runtime.process_limits
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.runtime.process_limits import LEAST_OPEN_FILES, choose_open_files

NO_LIMIT = resource.RLIM_INFINITY


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.runtime.process_limits).failed == 0


@pytest.mark.parametrize(
    ("soft", "hard", "chosen"),
    [(1024, 4096, 1024), (64, 4096, 4096), (64, 20_000, 4096), (512, 512, 512), (511, 600, 600), (NO_LIMIT, NO_LIMIT, NO_LIMIT)],
)
def test_a_limit_that_is_too_low_is_raised_as_far_as_needed(soft: int, hard: int, chosen: int) -> None:
    assert choose_open_files(soft, hard) == chosen


@pytest.mark.parametrize("limits", [(64, 64), (64, 511), (511, 511)])
def test_a_limit_that_cannot_be_raised_is_refused(limits: tuple[int, int]) -> None:
    message = (
        rf"^a process may open {limits[1]} files here, and Spark needs at least {LEAST_OPEN_FILES}\. Raise the limit with `ulim"
    )
    with pytest.raises(ConfigurationError, match=message):
        choose_open_files(*limits)


@pytest.mark.parametrize(
    ("before", "environment", "message"),
    [
        ("ulimit -n 64", {}, "error: a process may open 64 files here, and Spark needs at least 512. Raise the limit with"),
        (":", {"JAVA_HOME": "/nowhere"}, "It needs Java 17 or newer and uses JAVA_HOME=/nowhere"),
    ],
    ids=["open files", "Java"],
)
def test_a_build_that_cannot_start_spark_ends_with_the_reason(
    repository: Path, tmp_path: Path, before: str, environment: dict[str, str], message: str
) -> None:
    line = f"{before}; exec {sys.executable} -m spark_jobs.build --config conf/corpus/demo.yaml --set output_dir={tmp_path}"
    variables = {**os.environ, **environment}
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=repository, env=variables, check=False)
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
