"""Retries of reads from a local disk, HDFS or S3: a store that fails for a moment neither ends a run nor makes it skip data."""

import logging
import re
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from spark_jobs.common.errors import first_line
from training.data.corpus_errors import CorpusError

T = TypeVar("T")

_log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds: the wait before attempt n + 1 is drawn below FIRST_WAIT * 2**n, and never longer than LONGEST_WAIT."""

_PERMANENT = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Errors that another attempt would not change."""
_DENIED = re.compile(r"AWS Error (ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|NO_SUCH_BUCKET)\b")
"""Messages of pyarrow's plain OSError for a store that refuses each attempt."""
_DAMAGED = re.compile(
    r"CRC checksum|page integrity|Couldn't deserialize thrift|Deserializing page header|[Cc]orrupt|Codec failed|ZSTD|LZ4|Brotli"
)
"""Messages of pyarrow's plain OSError for content that does not decode: the bytes have arrived, and are wrong."""


def is_damage(error: BaseException) -> bool:
    """Whether a read failed because of the content that arrived.

    >>> is_damage(OSError("could not verify page integrity, CRC checksum verification failed for page_ordinal 0"))
    True
    """
    return isinstance(error, OSError) and error.errno is None and _DAMAGED.search(str(error)) is not None


def is_passing(error: BaseException) -> bool:
    """Whether another attempt may succeed.

    >>> [is_passing(error) for error in (ConnectionResetError(104, "reset"), FileNotFoundError("gone"))]
    [True, False]
    """
    if not isinstance(error, OSError) or isinstance(error, _PERMANENT) or is_damage(error):
        return False
    return _DENIED.search(str(error)) is None


def read_with_retries(action: Callable[[], T], what: str, attempts: int) -> T:
    """The result of `action`, which may raise OSError `attempts` - 1 times; `what` names it in messages. Failures are logged.

    Raises:
        CorpusError: when the last attempt failed, or any attempt with an error that lasts: a missing file, a refusal, damage.
    """

    def log_failure(state: RetryCallState) -> None:
        assert state.outcome is not None
        assert state.next_action is not None
        reason, wait = first_line(state.outcome.exception(), 300), state.next_action.sleep
        _log.warning("%s: attempt %d of %d failed, the next in %.1f s: %s", what, state.attempt_number, attempts, wait, reason)

    policy = Retrying(
        retry=retry_if_exception(is_passing),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(FIRST_WAIT, LONGEST_WAIT),
        before_sleep=log_failure,
        reraise=True,
    )
    try:
        return policy(action)
    except _PERMANENT as error:
        raise CorpusError(f"{what} could not be read: {first_line(error, 300)}") from error
    except OSError as error:
        if is_damage(error):
            raise CorpusError(
                f"{what} is damaged ({first_line(error, 300)}); run python -m training.verify_data, and build the wiki again"
            ) from error
        if not is_passing(error):
            raise CorpusError(f"{what} could not be read: {first_line(error, 300)}") from error
        raise CorpusError(
            f"{what} could not be read: {attempts} of {attempts} attempts failed, the last with: {first_line(error, 300)}. "
            "No data was skipped: check the store and start again (data.attempts sets the number of attempts)"
        ) from error
