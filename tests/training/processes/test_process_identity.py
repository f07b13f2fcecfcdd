"""Which process a process is."""

import subprocess
import sys
import time

import pytest

from training.processes.process_identity import ProcessIdentity, has_ended, read_own_identity

READ = "import sys; from training.processes.process_identity import *; print(read_own_identity().model_dump_json(), flush=True)"


@pytest.fixture
def process(repository):
    """(a process that waits for its input to end, its own identity)."""
    with subprocess.Popen(
        [sys.executable, "-c", f"{READ}; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=repository,
    ) as running:
        yield running, ProcessIdentity.model_validate_json(running.stdout.readline())
        running.kill()


def test_a_process_that_is_there_has_not_ended_and_one_that_was_killed_has_also_as_a_zombie(process):
    running, identity = process
    assert has_ended(identity) is False
    running.kill()
    deadline = time.monotonic() + 10
    while not has_ended(identity) and time.monotonic() < deadline:  # not reaped: a zombie
        time.sleep(0.01)
    assert has_ended(identity) is True
    running.wait()
    assert has_ended(identity) is True


@pytest.mark.parametrize(
    ("change", "ended"),
    [
        ({"started": 1}, True),  # the process id was given again
        ({"kernel": "another boot"}, None),
        ({"namespace": "pid:[1]"}, None),  # another container on the same machine
        ({"kernel": "", "namespace": ""}, None),
        ({"host": "renamed"}, False),
    ],
)
def test_process_ids_are_compared_within_one_boot_and_container(change, ended):
    assert has_ended(read_own_identity().model_copy(update=change)) is ended


def test_a_process_of_another_user_is_there():
    init = read_own_identity().model_copy(update={"pid": 1, "started": -2})
    assert has_ended(init) in (True, None)  # another start: ended, or hidden
