"""SIGTERM, SIGUSR1 and the end of the launcher ask a run to save and end; all ranks end at the same point."""

import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from spark_jobs.common.errors import ConfigurationError, first_line

if TYPE_CHECKING:
    import torch

EXIT_INTERRUPTED = 75
"""Exit code of a run that was asked to end and saved (EX_TEMPFAIL of sysexits.h: try again later)."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

SignalHandler = Callable[[int, FrameType | None], object] | int | None
"""A handler as `signal.signal` takes and returns it."""


class InterruptedByRequestError(Exception):
    """The run was asked to end; everything up to the last finished step is saved."""


class Interruption:
    """Records the signals between `__enter__` and `__exit__`; a second one of the same kind gets the default action."""

    def __init__(self) -> None:
        self._requested = False
        self._before: dict[signal.Signals, SignalHandler] = {}
        self._group: torch.distributed.ProcessGroup | None = None

    def __enter__(self) -> "Interruption":
        """Every rank calls it, before anything slow is loaded.

        Raises:
            ConfigurationError: when the CPUs of the ranks cannot reach each other.
        """
        import torch.distributed as dist

        # Flags are compared on the CPU: a comparison on the GPU would make every micro-batch wait for it.
        try:
            self._group = dist.new_group(backend="gloo")
        except RuntimeError as error:
            raise ConfigurationError(
                f"the ranks cannot reach each other with gloo ({first_line(error, 300)}). gloo uses the "
                "address of a machine's host name, which may be 127.0.1.1 (/etc/hosts): set the environment variable "
                "GLOO_SOCKET_IFNAME on all machines to the network interface by which they reach each other, such as eth0 "
                "(`ip -brief address` lists them)"
            ) from error
        self._before = {number: signal.signal(number, self._record) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._requested = True
        signal.signal(number, self._before[signal.Signals(number)])

    def request_end(self) -> None:
        """Ask the run to end, as a signal does; from any thread, any number of times."""
        self._requested = True

    def is_requested(self) -> bool:
        """Whether any rank was asked to end; every rank calls it at the same point and gets the same answer."""
        [requested] = self._any(self._requested)
        return requested

    def wait(self, finished: Callable[[], bool]) -> bool:
        """Wait on every rank until `finished()` is true on one of them, or a rank was asked to end; returns whether it was
        finished.

        The ranks compare twice a second, so that no collective waits as long as the work takes: collectives have a time limit.
        """
        while True:
            done, requested = self._any(finished(), self._requested)
            if done or requested:
                return done
            time.sleep(0.5)

    def _any(self, *flags: bool) -> list[bool]:
        import torch
        import torch.distributed as dist

        found = torch.tensor(flags, dtype=torch.int64)
        dist.all_reduce(found, op=dist.ReduceOp.MAX, group=self._group)
        return [bool(flag) for flag in found.tolist()]
