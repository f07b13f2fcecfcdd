"""The HTTP client of a mirror: small files in memory, large files to disk with retries, resumption and a checksum.

A file is written to `NAME.part` (`partial_file`) and gets its name when all its bytes are present and its sha1 is right, so a
file under its own name is complete. A server that has another version by the time of a resumption sends all of it.

Transient errors are retried after growing random waits, or as long as the server asks (`http_retries`): a connection that
breaks, hangs or is too slow (`transfer_pace`), a response that ends too early, 429 and 5xx. All other errors end the download at
once: 404 and other refusals, a redirect to another host, more bytes than announced, the second wrong checksum. Redirects are
followed on the same host only, and never from https to http, since the user chose the mirror by its name.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
from tenacity import Retrying

from spark_jobs.dumps.remote.download_errors import DownloadError, NotThereError, StoppedError, TooSlowError, TransientError
from spark_jobs.dumps.remote.dump_status import RemoteFile
from spark_jobs.dumps.remote.http_retries import parse_retry_after, retry_transient_errors
from spark_jobs.dumps.remote.partial_file import ByteProgress, PartialFile
from spark_jobs.dumps.remote.transfer_pace import AnswerDeadline, TransferPace

_REDIRECTS = 5
_DEFAULT_PORTS = {"https": 443, "http": 80}


class MirrorClient:
    """A connection to one mirror, safe for use by several threads. A context manager."""

    def __init__(self, url: str, user_agent: str, connections: int, timeout: float, attempts: int) -> None:
        """`timeout`: seconds that a connection may be silent or too slow. `attempts`: most attempts in a row without progress."""
        self._url, self._attempts, self._timeout = url, attempts, timeout
        self._stop = threading.Event()
        self._client = httpx2.Client(
            headers={"User-Agent": f"{user_agent} httpx2/{httpx2.__version__}", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(timeout, pool=None),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=0),  # `AnswerDeadline` must see them
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
        """End the requests of other threads soon, with `StoppedError`; the bytes that have arrived are kept."""
        self._stop.set()

    def read(self, path: str, limit: int = 2**24) -> bytes:
        """A small file. Raises `NotThereError`, and `DownloadError` for other failures and for more than `limit` bytes."""

        def attempt() -> bytes:
            with self._get(path) as response:
                body = bytearray()
                for chunk in self._chunks(response):
                    body += chunk
                    if len(body) > limit:
                        raise DownloadError(f"{self._url}/{path}: more than {limit:,} bytes, the most that this file may have")
                return bytes(body)

        return self._retrying(path, lambda: 0)(attempt)

    def fetch(self, path: str, file: RemoteFile, target: Path, progress: ByteProgress) -> None:
        """Download the file at `path` to `target`, whose folder must exist, and report the bytes to `progress`.

        Raises `NotThereError`, `StoppedError`, and `DownloadError` for other failures.
        """
        with PartialFile(target, file, progress) as part:
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

    def _retrying(self, path: str, bytes_received: Callable[[], int]) -> Retrying:
        return retry_transient_errors(f"{self._url}/{path}", self._attempts, self._stop, bytes_received)

    def _fetch_rest(self, path: str, part: PartialFile) -> None:
        """One attempt: request the missing bytes and write those that arrive."""
        if part.bytes == part.file.bytes and part.bytes:
            return
        range_headers = part.range_headers()
        with self._get(path, range_headers) as response:
            if response.status_code == httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.restart()
                raise TransientError("the server does not have that range of the file; from the start again")
            begins = f"bytes {part.bytes}-"
            if response.status_code == httpx2.codes.PARTIAL_CONTENT and range_headers:
                if not response.headers.get("Content-Range", "").startswith(begins):
                    part.restart()
                    raise TransientError(f"the server sent another range than {begins}; from the start again")
            else:  # the whole file: no range was requested, the version changed, or the server does not support ranges
                part.restart()
            part.note_version(response.headers.get("ETag"), response.headers.get("Last-Modified"))
            for chunk in self._chunks(response):
                part.write(chunk)
                if part.bytes > part.file.bytes:
                    part.restart()
                    raise DownloadError(f"{self._url}/{path}: more bytes came than the {part.file.bytes:,} that are announced")
        if part.bytes < part.file.bytes:
            raise TransientError(f"the answer ended after {part.bytes:,} of {part.file.bytes:,} bytes")

    @contextmanager
    def _get(self, path: str, headers: dict[str, str] | None = None) -> Iterator[httpx2.Response]:
        """A response whose body can be read. Other statuses and broken connections raise an error of `download_errors`."""
        if self._stop.is_set():
            raise StoppedError(f"{path}: stopped")
        url, deadline = f"{self._url}/{path}", AnswerDeadline(self._timeout)
        try:
            with (
                deadline.started() as trace,
                self._client.stream("GET", url, headers=headers, extensions={"trace": trace}) as response,
            ):
                deadline.stop()
                status = f"HTTP {response.status_code} {response.reason_phrase}".strip()
                if response.status_code == httpx2.codes.NOT_FOUND:
                    raise NotThereError(f"{url} does not exist ({status})")
                if response.status_code == httpx2.codes.TOO_MANY_REQUESTS or response.is_server_error:
                    raise TransientError(status, parse_retry_after(response.headers.get("Retry-After")))
                if response.is_error and response.status_code != httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise DownloadError(f"{url}: the server refuses it: {status}")
                yield response
        except httpx2.TimeoutException as error:
            raise TransientError(f"nothing came for {self._timeout:g} seconds") from error
        except httpx2.TooManyRedirects as error:
            raise DownloadError(f"{url}: more than {_REDIRECTS} redirects") from error
        except httpx2.TransportError as error:
            if deadline.has_passed:
                raise TooSlowError(f"the answer did not begin within {self._timeout:g} seconds") from error
            raise TransientError(f"{type(error).__name__}: {error}") from error

    def _chunks(self, response: httpx2.Response) -> Iterator[bytes]:
        pace = TransferPace(self._timeout, time.monotonic())
        for chunk in response.iter_raw():
            pace.add(len(chunk), time.monotonic())
            if self._stop.is_set():
                raise StoppedError(f"{response.url}: stopped")
            yield chunk

    def _refuse_other_hosts(self, request: httpx2.Request) -> None:
        mirror = httpx2.URL(self._url)
        upgraded = mirror.scheme == "http" and request.url.scheme == "https"
        same = (request.url.scheme, _port(request.url)) == (mirror.scheme, _port(mirror))
        same = same or (upgraded and _port(request.url) == 443)
        if request.url.host != mirror.host or not same:
            raise DownloadError(
                f"{self._url} redirects to {request.url}, another server than the chosen mirror, and is not followed. "
                "If you trust that server, set it as download.mirror"
            )


def _port(url: httpx2.URL) -> int | None:
    return url.port if url.port is not None else _DEFAULT_PORTS.get(url.scheme)
