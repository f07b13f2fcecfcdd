"""The status of a dump on a server, and the files of it that a build needs: pure functions of the server's responses.

    https://dumps.wikimedia.org/jawiki/                            a page of links, one for each day: 20240101/
    https://dumps.wikimedia.org/jawiki/20240101/dumpstatus.json    {"jobs": {NAME: {"status": "done", "files": {FILE: {...}}}}}

A dump is written over days, job by job. It counts as finished when every job that makes a file of a build has status `done`. For
a large wiki `articlesmultistreamdump` makes parts, and a later job joins them into one file: the parts are chosen, since every
wiki has them.

A name from a server becomes a path only after it matched the pattern of its job.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from pydantic import BaseModel, Field, ValidationError

REQUIRED = {
    "articlesmultistreamdump": r"pages-articles-multistream(-index[0-9]*\.txt|[0-9]*\.xml)(-p[0-9]+p[0-9]+)?\.bz2",
    "langlinkstable": r"langlinks\.sql\.gz",
}
"""Jobs that a build needs: name -> pattern of the names of its files, after wiki and day."""
OPTIONAL = {
    "namespaces": r"siteinfo-namespaces\.json\.gz",
    "pagetable": r"page\.sql\.gz",
    "redirectstable": r"redirect\.sql\.gz",
    "pagepropstable": r"page_props\.sql\.gz",
}
"""The same for files that a build uses if they are present."""
DONE = "done"
_DAY = re.compile(r"(?:[^?#]*/)?([0-9]{8})/?")
_SHA1_LINE = re.compile(r"([0-9a-f]{40}) [ *](\S+)")


class StatusError(ValueError):
    """The server's description of a dump cannot be used; the message gives the part and the reason."""


class UnfinishedDumpError(StatusError):
    """The dump is still being written, or parts of it failed; the message names the jobs."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a dump as the server describes it."""

    name: str
    bytes: int
    sha1: str | None
    """40 hex digits; None where `dumpstatus.json` has none."""


@dataclass(frozen=True)
class RemoteDump:
    """The files of one day of one wiki that a build reads."""

    wiki: str
    date: str
    files: tuple[RemoteFile, ...]
    absent: tuple[str, ...] = ()
    """Jobs of `OPTIONAL` that this dump does not have."""

    @property
    def folder(self) -> str:
        """Folder of the files below the server's address, and below the local folder of dumps: `jawiki/20240101`."""
        return f"{self.wiki}/{self.date}"

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


class _FileStatus(BaseModel):
    size: int = Field(ge=0)
    sha1: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")


class _JobStatus(BaseModel):
    status: str
    files: dict[str, dict[str, object]] = Field(default_factory=dict)


class _DumpStatus(BaseModel):
    jobs: dict[str, _JobStatus]


def list_days(page: str) -> list[str]:
    """The days of the dumps that a wiki's page of links lists, the newest first.

    >>> list_days('<a href="../">..</a> <a href="20240101/">20240101/</a> <a href="/jawiki/20240120">x</a> <a href="latest/">')
    ['20240120', '20240101']
    """
    links = _LinkCollector()
    links.feed(page)
    return sorted({match[1] for link in links.found if (match := _DAY.fullmatch(link))}, reverse=True)


class _LinkCollector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def select_files(status: bytes, wiki: str, date: str, optional: bool = True) -> RemoteDump:
    """The files of the dump whose `dumpstatus.json` is given; with `optional=False` only those that a build needs.

    Raises `UnfinishedDumpError` naming each needed job that is missing or not done, and `StatusError` for a malformed status and
    for a file name that the job does not make.
    """
    jobs = _parse_jobs(status)
    wanted = REQUIRED | (OPTIONAL if optional else {})
    unknown = [name for name in REQUIRED if name not in jobs]
    pending = [f"{name} is {jobs[name].status!r}" for name in wanted if name in jobs and jobs[name].status != DONE]
    if unknown or pending:
        raise UnfinishedDumpError(", ".join([*pending, *(f"{name} is not among its jobs" for name in unknown)]))
    files = [
        file for name, pattern in wanted.items() if name in jobs for file in _parse_files(name, jobs[name], wiki, date, pattern)
    ]
    absent = tuple(name for name in wanted if name not in jobs)
    return RemoteDump(wiki, date, tuple(sorted(files, key=lambda file: file.name)), absent)


def _parse_jobs(status: bytes) -> Mapping[str, _JobStatus]:
    try:
        return _DumpStatus.model_validate_json(status).jobs
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the whole"
        raise StatusError(f"dumpstatus.json cannot be used: {where}: {problem['msg']}") from error


def _parse_files(job: str, found: _JobStatus, wiki: str, date: str, pattern: str) -> Iterable[RemoteFile]:
    if not found.files:
        raise StatusError(f"dumpstatus.json: {job} is {DONE!r}, and has no file")
    for name, about in found.files.items():
        if re.fullmatch(f"{re.escape(wiki)}-{date}-{pattern}", name) is None:
            raise StatusError(
                f"dumpstatus.json: {job} names {name!r}, which is not a file of {wiki} of {date} that this job makes"
            )
        try:
            file = _FileStatus.model_validate(about)
        except ValidationError as error:
            problem = error.errors()[0]
            raise StatusError(f"dumpstatus.json: {name}: {problem['loc'][0]}: {problem['msg']}") from error
        yield RemoteFile(name, file.size, file.sha1)


def add_checksums(dump: RemoteDump, sha1sums: str) -> RemoteDump:
    """The dump with the checksums of `WIKI-DATE-sha1sums.txt` for the files without one.

    Raises `StatusError` if the list lacks a checksum, or contradicts one of the status.
    """
    listed = {match[2]: match[1] for line in sha1sums.splitlines() if (match := _SHA1_LINE.fullmatch(line.strip()))}
    files = []
    for file in dump.files:
        if (file.sha1 or listed.get(file.name)) is None:
            raise StatusError(f"{file.name}: the server has no checksum of it, so its download could not be verified")
        if file.sha1 is not None and listed.get(file.name, file.sha1) != file.sha1:
            raise StatusError(f"{file.name}: the server's two checksums differ: {file.sha1} and {listed[file.name]}")
        files.append(RemoteFile(file.name, file.bytes, file.sha1 or listed[file.name]))
    return RemoteDump(dump.wiki, dump.date, tuple(files), dump.absent)
