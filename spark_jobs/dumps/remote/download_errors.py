"""Errors of a download."""


class DownloadError(RuntimeError):
    """A file or a dump could not be downloaded; the message names it, its server and the reason."""


class NotThereError(DownloadError):
    """The server has no such file (404)."""


class StoppedError(DownloadError):
    """The download was stopped by its caller."""


class TransientError(Exception):
    """A failed attempt that may succeed when it is repeated; `retry_after` is the wait in seconds that the server asked for."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class TooSlowError(TransientError):
    """A connection that brought too few bytes; an attempt that ends so made no progress."""
