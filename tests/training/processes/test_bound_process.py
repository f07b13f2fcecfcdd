"""Programs that end with the process that started them."""

import os
import subprocess
import sys

import psutil

from training.processes.bound_process import bound_command

PARENT = (
    "import subprocess, sys; from training.processes.bound_process import bound_command\n"
    "child = subprocess.Popen(bound_command('http.server', ['0', '--bind', '127.0.0.1']))\n"
    "print(child.pid, flush=True)\n"
    "child.wait()\n"
)


def test_a_program_ends_with_its_parent_that_is_killed(repository):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=repository
    ) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        while "http.server" not in child.cmdline():
            pass
        parent.kill()
        assert psutil.wait_procs([child], timeout=10)[1] == []


def test_arguments_and_exit_code_are_those_of_the_module(repository):
    done = subprocess.run(
        bound_command("json.tool", ["--no-such-option"]), capture_output=True, text=True, check=False, cwd=repository
    )
    assert done.returncode == 2
    assert "unrecognized arguments: --no-such-option" in done.stderr


def test_a_program_whose_parent_has_ended_already_does_not_start(repository):
    command = bound_command("json.tool", ["--help"])
    command[command.index(str(os.getpid()))] = "1"
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)
    assert (done.returncode, done.stdout) == (-9, "")
