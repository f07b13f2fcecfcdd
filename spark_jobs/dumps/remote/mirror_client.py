"""Files of a server of dumps, over HTTP: tried again, gone on with where they were cut, compared with their checksum.

A file is written to `NAME.part` and gets its name when all its bytes are there and its sha1 is right; so what has its name is
whole. `NAME.part.json` keeps what identifies the server's version of it (ETag, else Last-Modified), and a later run asks for the
rest of that version only (`Range` with `If-Range`): a server that has another one by then sends all of it.

What passes is tried again, after growing random waits or as long as the server asks (`Retry-After`): a connection that breaks or
hangs, an answer that ends too early, 429 and 5xx. A file has failed when `attempts` in a row did not come further. What does not
pass ends at once: 404 and other refusals, a redirect to another host, more bytes than announced, a wrong checksum (the second
time). Redirects are followed on the same host only, and never from https to http: the name of the mirror is what was chosen.
"""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, sleep_using_event, wait_random_exponential

from spark_jobs.dumps.remote.dump_status import RemoteFile

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds: the wait before attempt n + 1 is drawn below FIRST_WAIT * 2**n, and never longer than LONGEST_WAIT."""
LONGEST_RETRY_AFTER = 600.0
"""Seconds that a server may ask us to wait before we rather fail."""
_REDIRECTS = 5
_DEFAULT_PORTS = {"https": 443, "http": 80}

Progress = Callable[[int], None]
"""Is told how many bytes of a file are there."""


class DownloadError(RuntimeError):
    """Something could not be had; the message says what, from where, and why."""


class NotThereError(DownloadError):
    """The server has no such file (404)."""


class StoppedError(DownloadError):
    """The download was told to stop."""


class _PassingError(Exception):
    """What may be over when it is tried again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Server:
    """A server of dumps, to be used by several threads at once; a context manager."""

    def __init__(self, url: str, user_agent: str, connections: int, timeout: float, attempts: int) -> None:
        """`timeout` is how many seconds a connection may be silent; `attempts` how many fruitless ones in a row are too many."""
        self._url, self._attempts = url, attempts
        self._stop = threading.Event()
        self._client = httpx2.Client(
            headers={"User-Agent": f"{user_agent} httpx2/{httpx2.__version__}", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(timeout, pool=None),
            limits=httpx2.Limits(max_connections=connections),
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            event_hooks={"request": [self._refuse_other_hosts]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._client.close()

    def stop(self) -> None:
        """End what is going on in other threads, soon, with `StoppedError`; what has arrived is kept."""
        self._stop.set()

    def read(self, path: str, limit: int = 2**24) -> bytes:
        """A small file. Raises `NotThereError`, and `DownloadError` for other failures and for more than `limit` bytes."""

        def attempt() -> bytes:
            with self._get(path) as response:
                body = bytearray()
                for chunk in self._chunks(response):
                    body += chunk
                    if len(body) > limit:
                        raise DownloadError(f"{self._url}/{path}: more than {limit:,} bytes, which is too much for such a file")
                return bytes(body)

        return self._retrying(path, lambda: 0)(attempt)

    def fetch(self, path: str, file: RemoteFile, target: Path, progress: Progress) -> None:
        """Make `target`, whose folder exists, the file at `path`, and tell `progress` on the way.

        Raises `NotThereError`, `StoppedError`, and `DownloadError` for other failures.
        """
        with _Part(target, file, progress) as part:
            for is_last in (False, True):
                self._retrying(path, lambda: part.furthest)(lambda: self._fetch_rest(path, part))
                if part.sha1 == file.sha1:
                    part.finish()
                    return
                found, part.furthest = part.sha1, 0
                part.restart()
                if is_last:
                    raise DownloadError(
                        f"{self._url}/{path} arrived twice with a wrong checksum, the last time with {found} for {file.sha1}: "
                        "the mirror's copy is damaged, or something on the way changes it; try another mirror"
                    )

    def _fetch_rest(self, path: str, part: "_Part") -> None:
        """One attempt: ask for what is missing, and write what comes."""
        if part.bytes == part.file.bytes and part.bytes:
            return
        asked = part.range_headers()
        with self._get(path, asked) as response:
            if response.status_code == httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.restart()
                raise _PassingError("the server has no such range of the file; from the start again")
            begins = f"bytes {part.bytes}-"
            if response.status_code == httpx2.codes.PARTIAL_CONTENT and asked:
                if not response.headers.get("Content-Range", "").startswith(begins):
                    part.restart()
                    raise _PassingError(f"the server sent another range than {begins}; from the start again")
            else:  # all of it: nothing was there, or it is another version by now, or the server knows no ranges
                part.restart()
            part.identify(response.headers.get("ETag"), response.headers.get("Last-Modified"))
            for chunk in self._chunks(response):
                part.write(chunk)
                if part.bytes > part.file.bytes:
                    part.restart()
                    raise DownloadError(f"{self._url}/{path}: more bytes came than the {part.file.bytes:,} that are announced")
        if part.bytes < part.file.bytes:
            raise _PassingError(f"the answer ended after {part.bytes:,} of {part.file.bytes:,} bytes")

    @contextmanager
    def _get(self, path: str, headers: dict[str, str] | None = None) -> Iterator[httpx2.Response]:
        """An answer whose status is one to read on; others, and broken connections, are raised as what they mean."""
        if self._stop.is_set():
            raise StoppedError(f"{path}: stopped")
        url = f"{self._url}/{path}"
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                status = f"HTTP {response.status_code} {response.reason_phrase}".strip()
                if response.status_code == httpx2.codes.NOT_FOUND:
                    raise NotThereError(f"{url} does not exist ({status})")
                if response.status_code == httpx2.codes.TOO_MANY_REQUESTS or response.is_server_error:
                    raise _PassingError(status, _seconds(response.headers.get("Retry-After")))
                if response.is_error and response.status_code != httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise DownloadError(f"{url}: the server refuses it: {status}")
                yield response
        except httpx2.TimeoutException as error:
            raise _PassingError(f"nothing came for {self._client.timeout.read:g} seconds") from error
        except httpx2.TooManyRedirects as error:
            raise DownloadError(f"{url}: more than {_REDIRECTS} redirects") from error
        except httpx2.TransportError as error:
            raise _PassingError(f"{type(error).__name__}: {error}") from error

    def _chunks(self, response: httpx2.Response) -> Iterator[bytes]:
        for chunk in response.iter_raw():
            if self._stop.is_set():
                raise StoppedError(f"{response.url}: stopped")
            yield chunk

    def _refuse_other_hosts(self, request: httpx2.Request) -> None:
        own = httpx2.URL(self._url)
        upgraded = own.scheme == "http" and request.url.scheme == "https"
        same = (request.url.scheme, _port(request.url)) == (own.scheme, _port(own)) or (upgraded and _port(request.url) == 443)
        if request.url.host != own.host or not same:
            raise DownloadError(
                f"{self._url} redirects to {request.url}, another server than the one that was chosen, and that is not followed; "
                "if it is to be trusted, name it as the mirror"
            )

    def _retrying(self, path: str, furthest: Callable[[], int]) -> Retrying:
        """The rule by which `path` is tried again; `furthest` says how many bytes of it were ever there."""
        fruitless, before = 0, furthest()

        def is_enough(_: RetryCallState) -> bool:
            nonlocal fruitless, before
            fruitless = fruitless + 1 if furthest() == before else 0
            before = furthest()
            return fruitless >= self._attempts or self._stop.is_set()

        def wait(state: RetryCallState) -> float:
            asked = _passing(state).retry_after
            if asked is not None and asked > LONGEST_RETRY_AFTER:
                raise DownloadError(f"{self._url}/{path}: {_passing(state)}, and the server asks to wait {asked:,.0f} seconds")
            return asked if asked is not None else random_wait(state)

        def fail(state: RetryCallState) -> None:
            if self._stop.is_set():
                raise StoppedError(f"{path}: stopped")
            raise DownloadError(
                f"{self._url}/{path}: {self._attempts} attempts in a row brought nothing, the last: {_passing(state)}. What has "
                "arrived is kept: the same command goes on there"
            ) from _passing(state)

        random_wait = wait_random_exponential(FIRST_WAIT, max=LONGEST_WAIT)
        return Retrying(
            retry=retry_if_exception_type(_PassingError),
            stop=is_enough,
            wait=wait,
            sleep=sleep_using_event(self._stop),
            retry_error_callback=fail,
        )


def _passing(state: RetryCallState) -> _PassingError:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, _PassingError)
    return error


def _port(url: httpx2.URL) -> int | None:
    return url.port if url.port is not None else _DEFAULT_PORTS.get(url.scheme)


def _seconds(retry_after: str | None) -> float | None:
    """The seconds of a `Retry-After`, which is a number or a date; None for none and for what is neither."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a time zone
        return None


class _Part:
    """The file that is being written, with its checksum so far. One process at a time may have it."""

    def __init__(self, target: Path, file: RemoteFile, progress: Progress) -> None:
        self.file = file
        self.bytes = 0
        self.furthest = 0
        """The most bytes that were there, in all attempts: one that does not come further was in vain."""
        self._target, self._progress = target, progress
        self._path = target.with_name(f"{target.name}.part")
        self._about = target.with_name(f"{target.name}.part.json")
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._validator: str | None = None
        self._stream: BinaryIO

    def __enter__(self) -> Self:
        self._stream = self._path.open("a+b")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._stream.close()
            raise DownloadError(f"{self._path} is being written by another download") from error
        self._take_up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()

    @property
    def sha1(self) -> str:
        return self._digest.hexdigest()

    def _take_up(self) -> None:
        """Go on with what an earlier run left, if it is known which version it is of."""
        size = self._path.stat().st_size
        try:
            about = json.loads(self._about.read_bytes())
            is_of_file = about["bytes"] == self.file.bytes and about["sha1"] == self.file.sha1
            validator = str(about["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            is_of_file, validator = False, ""
        if not is_of_file or size > self.file.bytes:
            self.restart()
            return
        self._validator = validator
        self._stream.seek(0)
        while chunk := self._stream.read(2**20):
            self._digest.update(chunk)
            self.bytes += len(chunk)
        self._progress(self.bytes)

    def range_headers(self) -> dict[str, str]:
        """What asks for the rest only; nothing where all is wanted."""
        if not self.bytes or self._validator is None:
            return {}
        return {"Range": f"bytes={self.bytes}-", "If-Range": self._validator}

    def identify(self, etag: str | None, last_modified: str | None) -> None:
        """Note which version of the file the server sends. A weak ETag says too little for a range of bytes."""
        validator = etag if etag and not etag.startswith("W/") else last_modified
        if validator is None or validator == self._validator:
            return
        self._validator = validator
        about = {"bytes": self.file.bytes, "sha1": self.file.sha1, "validator": validator}
        self._about.write_text(json.dumps(about), encoding="utf-8")

    def write(self, chunk: bytes) -> None:
        self._stream.write(chunk)
        self._digest.update(chunk)
        self.bytes += len(chunk)
        self.furthest = max(self.furthest, self.bytes)
        self._progress(self.bytes)

    def restart(self) -> None:
        """Forget what is there."""
        self._stream.truncate(0)
        self._about.unlink(missing_ok=True)
        self._digest, self._validator = hashlib.sha1(usedforsecurity=False), None
        self.bytes = 0
        self._progress(0)

    def finish(self) -> None:
        """Give the file its name, when all of it is on the disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._path.replace(self._target)
        self._about.unlink(missing_ok=True)
