"""Reading again: a store fails now and then, and a run must neither end with it nor skip what it would not give."""

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from spark_jobs.common.errors import ConfigurationError, first_line

T = TypeVar("T")

_log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds: the wait before attempt n + 1 is drawn below FIRST_WAIT * 2**n, and never longer than LONGEST_WAIT."""

_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What another attempt would not change."""


class CorpusError(ConfigurationError):
    """The corpus cannot be trained on as it lies there."""


def retried(action: Callable[[], T], what: str, attempts: int) -> T:
    """What `action` returns, which may fail with OSError `attempts` - 1 times; `what` names it in messages. Failures are logged.

    Raises:
        CorpusError: when the last attempt failed, or the first one with what will not pass.
    """

    def tell(state: RetryCallState) -> None:
        assert state.outcome is not None
        assert state.next_action is not None
        reason, wait = first_line(state.outcome.exception(), 300), state.next_action.sleep
        _log.warning("%s: attempt %d of %d failed, the next in %.1f s: %s", what, state.attempt_number, attempts, wait, reason)

    policy = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, OSError) and not isinstance(error, _LASTING)),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(FIRST_WAIT, LONGEST_WAIT),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return policy(action)
    except _LASTING as error:
        raise CorpusError(f"{what} could not be read: {first_line(error, 300)}") from error
    except OSError as error:
        raise CorpusError(
            f"{what} could not be read: {attempts} of {attempts} attempts failed, the last with: {first_line(error, 300)}. Nothing "
            "was skipped. Look at the store and start again; data.attempts says how often is tried"
        ) from error
