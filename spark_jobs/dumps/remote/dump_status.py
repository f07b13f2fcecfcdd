"""What a dump server says of a dump, and which files a build needs of it: pure functions of what was served.

    https://dumps.wikimedia.org/jawiki/                            a page of links, one for each day: 20240101/
    https://dumps.wikimedia.org/jawiki/20240101/dumpstatus.json    {"jobs": {NAME: {"status": "done", "files": {FILE: {...}}}}}

A dump is written over days, job by job. It is finished for us when each job that makes a file we read has status `done`. Of a
large wiki `articlesmultistreamdump` makes parts, and a later job one file of them: we take the parts, which every wiki has.

Nothing that a server says becomes a path before it was compared with what such a name looks like.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from pydantic import BaseModel, Field, ValidationError

REQUIRED = {
    "articlesmultistreamdump": r"pages-articles-multistream(-index\d*\.txt|\d*\.xml)(-p\d+p\d+)?\.bz2",
    "langlinkstable": r"langlinks\.sql\.gz",
}
"""Name of a job that a build cannot do without -> what its files are called, after wiki and day."""
OPTIONAL = {
    "namespaces": r"siteinfo-namespaces\.json\.gz",
    "pagetable": r"page\.sql\.gz",
    "redirectstable": r"redirect\.sql\.gz",
    "pagepropstable": r"page_props\.sql\.gz",
}
"""The same for files that a build uses where they are."""
DONE = "done"
_DAY = re.compile(r"(?:[^?#]*/)?(\d{8})/?")
_SHA1_LINE = re.compile(r"([0-9a-f]{40}) [ *](\S+)")


class StatusError(ValueError):
    """What the server says of a dump cannot be used; the message says what and why."""


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
    """Optional files that this dump does not have, as in `OPTIONAL`."""

    @property
    def folder(self) -> str:
        """Where they lie below the server's address, and below the folder of dumps: `jawiki/20240101`."""
        return f"{self.wiki}/{self.date}"

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


class _File(BaseModel):
    size: int = Field(ge=0)
    sha1: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")


class _Job(BaseModel):
    status: str
    files: dict[str, dict[str, object]] = Field(default_factory=dict)


class _Status(BaseModel):
    jobs: dict[str, _Job]


def days_of(page: str) -> list[str]:
    """The days that a wiki's page of links names, the newest first.

    >>> days_of('<a href="../">..</a> <a href="20240101/">20240101/</a> <a href="/jawiki/20240120">x</a> <a href="latest/">')
    ['20240120', '20240101']
    """
    links = _Links()
    links.feed(page)
    return sorted({match[1] for link in links.found if (match := _DAY.fullmatch(link))}, reverse=True)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def finished_dump(status: bytes, wiki: str, date: str, optional: bool = True) -> RemoteDump:
    """The files of the dump whose `dumpstatus.json` is given. With `optional: False` those that a build needs only.

    Raises `UnfinishedDumpError` naming each job that is not done, and `StatusError` for what is no status, lacks a job that is
    needed, or names a file that such a job does not make.
    """
    jobs = _jobs(status)
    wanted = REQUIRED | (OPTIONAL if optional else {})
    unknown = [name for name in REQUIRED if name not in jobs]
    pending = [f"{name} is {jobs[name].status!r}" for name in wanted if name in jobs and jobs[name].status != DONE]
    if unknown or pending:
        raise UnfinishedDumpError(", ".join([*pending, *(f"{name} is not among its jobs" for name in unknown)]))
    files = [file for name, pattern in wanted.items() if name in jobs for file in _files(name, jobs[name], wiki, date, pattern)]
    absent = tuple(name for name in wanted if name not in jobs)
    return RemoteDump(wiki, date, tuple(sorted(files, key=lambda file: file.name)), absent)


def _jobs(status: bytes) -> Mapping[str, _Job]:
    try:
        return _Status.model_validate_json(status).jobs
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the whole"
        raise StatusError(f"dumpstatus.json cannot be used: {where}: {problem['msg']}") from error


def _files(job: str, found: _Job, wiki: str, date: str, pattern: str) -> Iterable[RemoteFile]:
    if not found.files:
        raise StatusError(f"dumpstatus.json: {job} is {DONE!r}, and has no file")
    for name, about in found.files.items():
        if re.fullmatch(f"{re.escape(wiki)}-{date}-{pattern}", name) is None:
            raise StatusError(f"dumpstatus.json: {job} names {name!r}, which is no file of {wiki} of {date} that this job makes")
        try:
            file = _File.model_validate(about)
        except ValidationError as error:
            problem = error.errors()[0]
            raise StatusError(f"dumpstatus.json: {name}: {problem['loc'][0]}: {problem['msg']}") from error
        yield RemoteFile(name, file.size, file.sha1)


def with_checksums(dump: RemoteDump, sha1sums: str) -> RemoteDump:
    """The dump with the checksums that `WIKI-DATE-sha1sums.txt` has for files which have none yet.

    Raises `StatusError` where the list lacks one, or contradicts the one that is known.
    """
    listed = {match[2]: match[1] for line in sha1sums.splitlines() if (match := _SHA1_LINE.fullmatch(line.strip()))}
    files = []
    for file in dump.files:
        if (file.sha1 or listed.get(file.name)) is None:
            raise StatusError(f"{file.name}: the server has no checksum of it, so it cannot be told whether it arrives whole")
        if file.sha1 is not None and listed.get(file.name, file.sha1) != file.sha1:
            raise StatusError(f"{file.name}: the server's two checksums differ: {file.sha1} and {listed[file.name]}")
        files.append(RemoteFile(file.name, file.bytes, file.sha1 or listed[file.name]))
    return RemoteDump(dump.wiki, dump.date, tuple(files), dump.absent)
