"""Run a module as a program that ends with its parent, even if that is killed.

A rank starts its subprocesses by `bound_command`. Without it, the evaluation of a killed run would still write into the folder of
the run, beside the run that resumes there.
"""

import ctypes
import os
import runpy
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal that the kernel sends to this process when the thread that started it has ended."""

_START = f"from {__name__} import run_bound; run_bound()"


def bound_command(module: str, arguments: Sequence[str]) -> list[str]:
    """The command line of a module that ends with this process."""
    return [sys.executable, "-c", _START, str(os.getpid()), module, *arguments]


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent has ended; `parent` is the parent's id. Linux only."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os.kill(os.getpid(), signal.SIGKILL)


def run_bound() -> None:
    """Run the module of the command line that `bound_command` has made."""
    parent, module, *arguments = sys.argv[1:]
    end_with_parent(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
