"""Exit codes of a training run.

    0   finished
    2   the configuration or the input cannot be used
    3   diverged: the loss or the gradient of too many steps was not finite; the run is saved
    4   out of memory
    5   another rank ended
    75  interrupted by SIGTERM or SIGUSR1, or because the launcher was killed; the run is saved

Any other error keeps its traceback and Python's exit code 1.
"""

import os
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from spark_jobs.common.command_line import EXIT_CONFIGURATION
from spark_jobs.common.errors import ConfigurationError
from training.engine.interruption import EXIT_INTERRUPTED, InterruptedByRequestError
from training.engine.launch_environment import read_ranks
from training.loop.divergence import TrainingDivergedError
from training.loop.rank_errors import LOST_RANK, is_lost_rank, print_rank_error

EXIT_DIVERGED, EXIT_OUT_OF_MEMORY, EXIT_RANK_LOST = 3, 4, 5

SAVED_FILE = "LEIA_SAVED_FILE"
"""Environment variable: path of a file that the first rank writes when the run was interrupted and is saved.

For job scripts that may not see exit code 75: a launcher that ends ranks can replace it with another code.
"""


def run_with_exit_code(train: Callable[[], None], explain_memory_error: Callable[[BaseException], str | None]) -> int:
    """Call `train`, print the errors that have a remedy, and return the exit code.

    Each error is printed by one rank of each machine, or by the rank that found it. `explain_memory_error` returns the message
    for an error that is due to memory, and None for any other.

    Raises:
        ConfigurationError: on the first rank of a machine: `spark_jobs.common.command_line` prints it and exits with code 2.
    """
    try:
        train()
    except InterruptedByRequestError:
        if read_ranks().main:
            Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(
                "interrupted and saved; the same command with --set resume=true continues", style="yellow"
            )
        return EXIT_INTERRUPTED
    except TrainingDivergedError as error:
        print_rank_error(error)
        return EXIT_DIVERGED
    except ConfigurationError as error:
        if read_ranks().local_rank == 0:
            raise
        print_rank_error(error)
        return EXIT_CONFIGURATION
    except (RuntimeError, MemoryError) as error:
        if is_lost_rank(error):  # checked first: the launcher, which has seen the other rank end, ends this one soon
            print_rank_error(LOST_RANK)
            return EXIT_RANK_LOST
        message = explain_memory_error(error)
        if message is None:
            raise
        print_rank_error(message)
        return EXIT_OUT_OF_MEMORY
    return 0


def write_saved_file() -> None:
    """Write the file that the environment variable `SAVED_FILE` names, if it is set."""
    if path := os.environ.get(SAVED_FILE):
        Path(path).write_text("interrupted and saved\n", encoding="utf-8")
