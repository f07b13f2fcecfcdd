"""Ranks that end with their launcher: real processes, killed with SIGKILL."""

import doctest
import signal
import subprocess
import sys
import time

import psutil
import pytest

from training.processes import launcher_watch

RANK = (
    "import os, sys, time; from training.processes.launcher_watch import LauncherWatch\n"
    "with LauncherWatch(lambda: ACTION, grace=0.5):\n"
    "    print(os.getpid(), flush=True)\n"
    "    time.sleep(30)\n"
)
LAUNCHER = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
RUNNER = "import subprocess, sys; subprocess.run([sys.executable, sys.argv[2], sys.argv[1]])"


def test_the_worked_examples_hold():
    assert doctest.testmod(launcher_watch).failed == 0


@pytest.fixture
def start(repository, tmp_path):
    """`start(programs, action)`: the processes of nested programs with these names, the innermost one of them a rank."""
    started = []

    def run(programs, action):
        for name in programs:
            (tmp_path / name).write_text(LAUNCHER if name == programs[-1] else RUNNER)
        files = [str(tmp_path / name) for name in programs]
        command = [sys.executable, files[0], RANK.replace("ACTION", action), *files[1:]]
        outermost = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=repository)
        rank = psutil.Process(int(outermost.stdout.readline()))
        started.extend([rank, *rank.parents()[: len(programs)]])
        return outermost, rank

    yield run
    for process in started:
        if process.is_running():
            process.kill()


@pytest.mark.parametrize(
    ("programs", "killed"), [(["torchrun"], 0), (["deepspeed", "ds"], 0), (["deepspeed", "ds"], 1), (["torchrun", "wrapper"], 1)]
)
def test_a_rank_notices_that_any_process_up_to_the_outermost_launcher_was_killed(start, programs, killed):
    _, rank = start(programs, "os._exit(75)")
    victim = rank.parents()[killed]
    victim.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([rank], timeout=10)[1] == []


def test_a_rank_that_does_not_end_is_killed_after_the_grace(start):
    outermost, rank = start(["torchrun"], "None")
    began = time.monotonic()
    outermost.kill()
    assert psutil.wait_procs([rank], timeout=10)[1] == []
    assert time.monotonic() - began >= 0.5
    assert f"the launcher (process {outermost.pid}) has ended, so this rank ends too" in outermost.stderr.read()


def test_a_process_without_a_launcher_survives_the_one_that_started_it(start):
    outermost, rank = start(["wrapper"], "os._exit(75)")
    outermost.kill()
    time.sleep(3 * launcher_watch.LOOK_EVERY)
    assert rank.is_running()


def test_a_function_that_is_set_after_the_launcher_has_ended_is_called_at_once():
    watch, called = launcher_watch.LauncherWatch(lambda: called.append("first")), []
    watch._has_ended = True
    watch.call_instead(lambda: called.append("second"))
    assert called == ["second"]
