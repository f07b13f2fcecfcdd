"""A dump server on loopback: real HTTP with ranges, and faults in the order a test asks for them."""

import hashlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DONE = {
    "articlesmultistreamdump": ["pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2"],
    "langlinkstable": ["langlinks.sql.gz"],
    "namespaces": ["siteinfo-namespaces.json.gz"],
    "pagetable": ["page.sql.gz"],
    "redirectstable": ["redirect.sql.gz"],
    "pagepropstable": ["page_props.sql.gz"],
}
Fault = Callable[["Handler", bytes], None]
"""Answers a request for those bytes in a way of its own."""


class DumpServer(ThreadingHTTPServer):
    """What it serves, what it was asked, and how it fails."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        """Path -> what happens to the first requests for it, in that order."""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.etags = True
        self.release = threading.Event()
        """Set at the end: connections that hang let go."""
        self.open_now, self.most_open, self.lock = 0, 0, threading.Lock()
        self.pause = 0.0

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is no error."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, path: str) -> list[dict[str, str]]:
        """The headers of all requests for a path."""
        return [headers for asked, headers in self.requests if asked == path]

    def add_dump(self, wiki: str, date: str, contents: dict[str, bytes], unfinished: dict[str, str] | None = None) -> str:
        """Serve a dump of `contents` by the names after wiki and day; `unfinished` gives jobs another status. Its folder."""
        jobs = {}
        for job, names in DONE.items():
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
    server: DumpServer

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
            faults = self.server.faults[self.path]
            fault = faults.pop(0) if faults else whole
            self.server.open_now += 1
            self.server.most_open = max(self.server.most_open, self.server.open_now)
        try:
            time.sleep(self.server.pause)
            fault(self, self.server.files.get(self.path, b""))
        finally:
            with self.server.lock:
                self.server.open_now -= 1

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""

    def start(self, status: int, length: int, headers: dict[str, str] | None = None, data: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.server.etags:
            self.send_header("ETag", f'"{sha1(data)[:16]}"')
            self.send_header("Last-Modified", formatdate(1704164645, usegmt=True))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()


def whole(handler: Handler, data: bytes) -> None:
    """As it should be."""
    if handler.path not in handler.server.files:
        handler.start(404, 0)
        return
    start = 0
    if (asked := handler.headers.get("Range")) and handler.headers.get("If-Range") == f'"{sha1(data)[:16]}"':
        start = int(asked.removeprefix("bytes=").rstrip("-"))
    if start:
        range_ = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        handler.start(206, len(data) - start, range_, data)
    else:
        handler.start(200, len(data), None, data)
    handler.wfile.write(data[start:])


def cut_after(count: int) -> Fault:
    """The connection ends after so many bytes of the body."""

    def answer(handler: Handler, data: bytes) -> None:
        handler.start(200, len(data), None, data)
        handler.wfile.write(data[:count])
        handler.wfile.flush()
        handler.close_connection = True

    return answer


def hang_after(count: int) -> Fault:
    """After so many bytes nothing comes any more."""

    def answer(handler: Handler, data: bytes) -> None:
        handler.start(200, len(data), None, data)
        handler.wfile.write(data[:count])
        handler.wfile.flush()
        handler.server.release.wait(30)
        handler.close_connection = True

    return answer


def status(code: int, **headers: str) -> Fault:
    """That status and no body."""

    def answer(handler: Handler, data: bytes) -> None:
        handler.start(code, 0, {name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def other_bytes(handler: Handler, data: bytes) -> None:
    """As many bytes, but one of them is wrong."""
    wrong = data[:-1] + bytes([data[-1] ^ 1])
    handler.start(200, len(wrong), None, wrong)
    handler.wfile.write(wrong)


def too_many_bytes(handler: Handler, data: bytes) -> None:
    """More than there should be."""
    handler.start(200, len(data) + 5, None, data)
    handler.wfile.write(data + b"extra")


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@contextmanager
def serving() -> Iterator[DumpServer]:
    """A server on a port of its own, for as long as the body runs."""
    server = DumpServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
