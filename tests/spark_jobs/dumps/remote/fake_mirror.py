"""A dump server on loopback: real HTTP with ranges, and failures in the order that a test sets."""

import hashlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DATA = bytes(range(256)) * 4096  # 1 MiB: several chunks
WIKI_FILES = {
    "pages-articles-multistream.xml.bz2": b"pages" * 1000,
    "pages-articles-multistream-index.txt.bz2": b"index" * 100,
    "langlinks.sql.gz": b"links" * 100,
    "siteinfo-namespaces.json.gz": b"words",
    "page.sql.gz": b"page",
    "redirect.sql.gz": b"redirect",
    "page_props.sql.gz": b"props",
}
_FILES_OF_JOBS = {
    "articlesmultistreamdump": ["pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2"],
    "langlinkstable": ["langlinks.sql.gz"],
    "namespaces": ["siteinfo-namespaces.json.gz"],
    "pagetable": ["page.sql.gz"],
    "redirectstable": ["redirect.sql.gz"],
    "pagepropstable": ["page_props.sql.gz"],
}
Response = Callable[["Handler", bytes], None]
"""Answers a request for those bytes."""


class FakeMirror(ThreadingHTTPServer):
    """The files that it serves, the requests that it got, and its failures."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.failures: dict[str, list[Response]] = defaultdict(list)
        """Path -> responses to the first requests for it, in that order."""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.etags = True
        self.release = threading.Event()
        """Set at the end: hanging connections close."""
        self.open_now, self.most_open, self.lock = 0, 0, threading.Lock()
        self.pause = 0.0

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that closes the connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def requests_for(self, path: str) -> list[dict[str, str]]:
        """The headers of all requests for a path."""
        return [headers for requested, headers in self.requests if requested == path]

    def add_dump(self, wiki: str, date: str, contents: dict[str, bytes], unfinished: dict[str, str] | None = None) -> str:
        """Serve a dump of `contents`, named without wiki and day; `unfinished` sets the status of jobs. Returns its folder."""
        jobs = {}
        for job, names in _FILES_OF_JOBS.items():
            status = (unfinished or {}).get(job, "done")
            files = {f"{wiki}-{date}-{name}": contents[name] for name in names if name in contents}
            for name, data in files.items():
                self.files[f"/{wiki}/{date}/{name}"] = data
            about = {name: {"size": len(data), "sha1": sha1(data), "url": f"/x/{name}"} for name, data in files.items()}
            jobs[job] = {"status": status, "updated": "2024-01-02 03:04:05"} | ({"files": about} if status == "done" else {})
        self.files[f"/{wiki}/{date}/dumpstatus.json"] = json.dumps({"version": "0.8", "jobs": jobs}).encode()
        days = sorted({path.split("/")[2] for path in self.files if path.startswith(f"/{wiki}/") and path.count("/") == 3})
        links = "".join(f'<a href="{day}/">{day}/</a>  02-Jan-2024\n' for day in days)
        self.files[f"/{wiki}/"] = f'<html><body><pre><a href="../">../</a>\n{links}<a href="latest/">latest/</a></pre>'.encode()
        return f"/{wiki}/{date}"


class Handler(BaseHTTPRequestHandler):
    """Answers GET as Wikimedia's servers do: ETag, Last-Modified, Range with If-Range."""

    protocol_version = "HTTP/1.1"
    server: FakeMirror

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
            failures = self.server.failures[self.path]
            respond = failures.pop(0) if failures else send_file
            self.server.open_now += 1
            self.server.most_open = max(self.server.most_open, self.server.open_now)
        try:
            time.sleep(self.server.pause)
            respond(self, self.server.files.get(self.path, b""))
        finally:
            with self.server.lock:
                self.server.open_now -= 1

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""

    def start(self, status: int, length: int, headers: dict[str, str] | None = None, data: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.server.etags:
            self.send_header("ETag", f'"{sha1(data)[:16]}"')
            self.send_header("Last-Modified", formatdate(1704164645, usegmt=True))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()


def send_file(handler: Handler, data: bytes) -> None:
    """The normal response: the file, the requested range of it, or 404."""
    if handler.path not in handler.server.files:
        handler.start(404, 0)
        return
    start = 0
    if (wanted := handler.headers.get("Range")) and handler.headers.get("If-Range") == f'"{sha1(data)[:16]}"':
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
    if start:
        range_ = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        handler.start(206, len(data) - start, range_, data)
    else:
        handler.start(200, len(data), None, data)
    handler.wfile.write(data[start:])


def cut_after(count: int) -> Response:
    """Closes the connection after so many bytes of the body."""

    def respond(handler: Handler, data: bytes) -> None:
        handler.start(200, len(data), None, data)
        handler.wfile.write(data[:count])
        handler.wfile.flush()
        handler.close_connection = True

    return respond


def hang_after(count: int) -> Response:
    """Sends so many bytes, then nothing until the server is released."""

    def respond(handler: Handler, data: bytes) -> None:
        handler.start(200, len(data), None, data)
        handler.wfile.write(data[:count])
        handler.wfile.flush()
        handler.server.release.wait(30)
        handler.close_connection = True

    return respond


def trickle(count: int, pause: float, headers_too: bool = False) -> Response:
    """Sends so many bytes of the body, then a byte in every pause, so that the connection is never silent for long."""

    def respond(handler: Handler, data: bytes) -> None:
        handler.close_connection = True
        if headers_too:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        else:
            handler.start(200, len(data), None, data)
            handler.wfile.write(data[:count])
        position = count
        while not handler.server.release.wait(pause) and position < len(data):
            try:
                handler.wfile.write(b"x" if headers_too else data[position : position + 1])
            except OSError:  # the client has closed the connection
                return
            position += 1

    return respond


def send_status(code: int, **headers: str) -> Response:
    """Sends a status and an empty body."""

    def respond(handler: Handler, data: bytes) -> None:
        handler.start(code, 0, {name.replace("_", "-"): value for name, value in headers.items()})

    return respond


def send_wrong_byte(handler: Handler, data: bytes) -> None:
    """As many bytes, but one of them is wrong."""
    wrong = data[:-1] + bytes([data[-1] ^ 1])
    handler.start(200, len(wrong), None, wrong)
    handler.wfile.write(wrong)


def send_too_many_bytes(handler: Handler, data: bytes) -> None:
    """More bytes than the status file announces."""
    handler.start(200, len(data) + 5, None, data)
    handler.wfile.write(data + b"extra")


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@contextmanager
def serving() -> Iterator[FakeMirror]:
    """A server on a free port while the body runs."""
    server = FakeMirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
