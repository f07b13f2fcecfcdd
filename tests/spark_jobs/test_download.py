"""Dumps from a real HTTP server that breaks off, lies, hangs and is busy."""

import hashlib
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.retry_command import retry_command
from spark_jobs.common.settings import load_settings
from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.dump_files import find_dump
from spark_jobs.dumps.remote import http_fetch as fetch
from spark_jobs.dumps.remote.dump_status import (
    RemoteFile,
    StatusError,
    UnfinishedDumpError,
    days_of,
    finished_dump,
    with_checksums,
)
from spark_jobs.dumps.remote.http_fetch import DownloadError, NotThereError, Server
from spark_jobs.dumps.remote.mirrors import known_mirrors, mirror_of
from spark_jobs.stages import download_stage as module
from spark_jobs.stages.build_plan import plan_build
from spark_jobs.stages.download_stage import download_wikis
from spark_jobs.stages.extract_stage import locate_dump

from .dump_server import DumpServer, cut_after, hang_after, other_bytes, serving, sha1, status, too_many_bytes

DATA = bytes(range(256)) * 4096  # 1 MiB: several chunks
PATH = "jawiki/20240101/file.bz2"
WIKI_FILES = {
    "pages-articles-multistream.xml.bz2": b"pages" * 1000,
    "pages-articles-multistream-index.txt.bz2": b"index" * 100,
    "langlinks.sql.gz": b"links" * 100,
    "siteinfo-namespaces.json.gz": b"words",
    "page.sql.gz": b"page",
    "redirect.sql.gz": b"redirect",
    "page_props.sql.gz": b"props",
}


@pytest.fixture
def server():
    with serving() as running:
        running.files["/" + PATH] = DATA
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch) -> None:
    monkeypatch.setattr(fetch, "LONGEST_WAIT", 0.01)


def connected(server: DumpServer, attempts: int = 3, timeout: float = 5.0) -> Server:
    return Server(server.url, "test/1 (me@example.org)", 2, timeout, attempts)


def get(server: DumpServer, folder: Path, data: bytes = DATA, **options) -> list[int]:
    """Fetch the file; returns what progress was told."""
    told: list[int] = []
    with connected(server, **options) as client:
        client.fetch(PATH, RemoteFile("file.bz2", len(data), sha1(data)), folder / "file.bz2", told.append)
    return told


def assert_only_the_file(folder: Path) -> None:
    assert (folder / "file.bz2").read_bytes() == DATA
    assert [path.name for path in folder.iterdir()] == ["file.bz2"]


# One file


def test_a_file_arrives_whole_and_nothing_is_left_beside_it(server, tmp_path) -> None:
    told = get(server, tmp_path)
    assert_only_the_file(tmp_path)
    assert told == sorted(told)
    assert told[-1] == len(DATA)
    [headers] = server.asked("/" + PATH)
    assert headers["User-Agent"].startswith("test/1 (me@example.org) httpx2/")
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("faults", "begins"),
    [
        ([cut_after(300_000)], [None, "bytes=300000-"]),
        ([cut_after(0)], [None, None]),
        ([cut_after(300_000), status(503), cut_after(0)], [None, "bytes=300000-", "bytes=300000-", None]),
        ([status(503, Retry_After="0")], [None, None]),
        ([status(429, Retry_After="0")], [None, None]),
        ([status(500), status(502)], [None, None, None]),
        ([hang_after(300_000)], [None, "bytes=300000-"]),
        ([other_bytes], [None, None]),
        ([cut_after(300_000), status(416)], [None, "bytes=300000-", None]),
        ([cut_after(300_000), status(206, Content_Range="bytes 7-1048575/1048576")], [None, "bytes=300000-", None]),
    ],
    ids=["cut", "cut at once", "cut, busy, cut", "busy", "too many", "broken", "hangs", "other bytes", "no range", "other range"],
)
def test_what_passes_is_tried_again_where_it_broke_off(server, tmp_path, faults, begins) -> None:
    server.faults["/" + PATH] = list(faults)
    get(server, tmp_path, timeout=0.5)
    assert_only_the_file(tmp_path)
    assert [headers.get("Range") for headers in server.asked("/" + PATH)] == begins


def test_a_server_that_asks_to_wait_is_waited_for(server, tmp_path) -> None:
    server.faults["/" + PATH] = [status(503, Retry_After="1")]
    started = time.monotonic()
    get(server, tmp_path)
    assert time.monotonic() - started >= 1.0


def test_a_file_that_comes_a_little_further_each_time_is_never_given_up(server, tmp_path) -> None:
    def a_bit(handler, data: bytes) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        about = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        handler.start(206 if start else 200, len(data) - start, about, data)
        handler.wfile.write(data[start : start + 100_000])
        handler.close_connection = True

    server.faults["/" + PATH] = [a_bit] * 10
    get(server, tmp_path, attempts=2)
    assert_only_the_file(tmp_path)


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ([status(503)] * 3, "3 attempts in a row brought nothing, the last: HTTP 503"),
        ([cut_after(1000)] * 4, "3 attempts in a row brought nothing, the last"),
        ([hang_after(0)] * 3, "3 attempts in a row brought nothing, the last: nothing came for 0.3 seconds"),
        ([status(503, Retry_After="7200")], "HTTP 503 Service Unavailable, and the server asks to wait 7,200 seconds"),
        ([status(403)], "the server refuses it: HTTP 403"),
        ([too_many_bytes], "more bytes came than the 1,048,576 that are announced"),
        ([other_bytes] * 2, "arrived twice with a wrong checksum"),
        ([status(302, Location="http://localhost:1/x")], "redirects to http://localhost:1/x, another server"),
        ([status(302, Location="https://evil.example/x")], "redirects to https://evil.example/x, another server"),
        ([status(302, Location="/" + PATH)] * 9, "more than 5 redirects"),
    ],
    ids=["busy", "cut", "hangs", "long wait", "refused", "too many bytes", "other bytes", "port", "host", "circle"],
)
def test_what_does_not_pass_ends_with_the_reason_and_no_file(server, tmp_path, faults, reason) -> None:
    server.faults["/" + PATH] = list(faults)
    with pytest.raises(DownloadError) as error:
        get(server, tmp_path, timeout=0.3)
    assert reason in str(error.value)
    assert PATH in str(error.value) or "redirects" in str(error.value)
    assert not (tmp_path / "file.bz2").exists()


def test_a_file_that_is_not_there_is_another_error_than_a_refusal(server, tmp_path) -> None:
    del server.files["/" + PATH]
    with pytest.raises(NotThereError, match="does not exist"):
        get(server, tmp_path)


def test_a_redirect_on_the_same_server_is_followed(server, tmp_path) -> None:
    server.files["/elsewhere"] = DATA
    server.faults["/" + PATH] = [status(302, Location="/elsewhere")]
    get(server, tmp_path)
    assert_only_the_file(tmp_path)


def broken_off(server: DumpServer, folder: Path, count: int) -> None:
    """What a run leaves that came `count` bytes far."""
    server.faults["/" + PATH] = [cut_after(count), *[status(503)] * 3]
    with pytest.raises(DownloadError, match="attempts in a row"):
        get(server, folder)
    assert (folder / "file.bz2.part").stat().st_size == count
    server.requests.clear()


def test_a_later_run_asks_for_the_rest_only(server, tmp_path) -> None:
    broken_off(server, tmp_path, 700_000)
    get(server, tmp_path)
    assert_only_the_file(tmp_path)
    [headers] = server.asked("/" + PATH)
    assert headers["Range"] == "bytes=700000-"
    assert headers["If-Range"] == f'"{sha1(DATA)[:16]}"'


def test_a_part_of_another_version_is_not_gone_on_with(server, tmp_path) -> None:
    server.files["/" + PATH] = DATA[::-1]
    server.faults["/" + PATH] = [cut_after(700_000), *[status(503)] * 3]
    with pytest.raises(DownloadError):  # announced with the checksum of what the server has later
        get(server, tmp_path)
    server.files["/" + PATH] = DATA
    get(server, tmp_path)
    assert_only_the_file(tmp_path)


@pytest.mark.parametrize("spoil", ["about", "size", "etags"])
def test_a_part_of_which_nothing_is_known_is_started_anew(server, tmp_path, spoil: str) -> None:
    if spoil == "etags":
        server.etags = False
    broken_off(server, tmp_path, 700_000)
    if spoil == "about":
        (tmp_path / "file.bz2.part.json").write_text("{")
    elif spoil == "size":
        (tmp_path / "file.bz2.part").write_bytes(DATA + b"x")
    get(server, tmp_path)
    assert_only_the_file(tmp_path)
    assert [headers.get("Range") for headers in server.asked("/" + PATH)] == [None]


def test_a_part_that_is_complete_is_only_checked(server, tmp_path) -> None:
    broken_off(server, tmp_path, 700_000)
    (tmp_path / "file.bz2.part").write_bytes(DATA)
    get(server, tmp_path)
    assert_only_the_file(tmp_path)
    assert server.requests == []


def test_two_downloads_do_not_write_one_file(server, tmp_path) -> None:
    with fetch._Part(tmp_path / "file.bz2", RemoteFile("file.bz2", 1, "0"), print), pytest.raises(DownloadError) as error:
        get(server, tmp_path)
    assert "is being written by another download" in str(error.value)


def test_a_small_file_that_is_none_is_refused(server) -> None:
    with connected(server) as client, pytest.raises(DownloadError, match="more than 1,000 bytes"):
        client.read(PATH, limit=1000)


# What the server says


STATUS = (
    b'{"jobs": {"articlesmultistreamdump": {"status": "done", "files": {%s}}, "langlinkstable": {"status": "%s", "files": {%s}}}}'
)
PAGES = b'"jawiki-20240101-pages-articles-multistream.xml.bz2": {"size": 5, "sha1": "%s"}' % (b"a" * 40)
LINKS = b'"jawiki-20240101-langlinks.sql.gz": {"size": 7}'


def test_a_finished_dump_is_known_by_its_jobs() -> None:
    dump = finished_dump(STATUS % (PAGES, b"done", LINKS), "jawiki", "20240101")
    assert [(file.name, file.bytes, file.sha1) for file in dump.files] == [
        ("jawiki-20240101-langlinks.sql.gz", 7, None),
        ("jawiki-20240101-pages-articles-multistream.xml.bz2", 5, "a" * 40),
    ]
    assert dump.absent == ("namespaces", "pagetable", "redirectstable", "pagepropstable")
    assert dump.bytes == 12


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        (STATUS % (PAGES, b"in-progress", LINKS), UnfinishedDumpError, "langlinkstable is 'in-progress'"),
        (b'{"jobs": {}}', UnfinishedDumpError, "articlesmultistreamdump is not among its jobs"),
        (b"<html>", StatusError, "dumpstatus.json cannot be used: the whole: Invalid JSON"),
        (b"[]", StatusError, "dumpstatus.json cannot be used"),
        (STATUS % (b"", b"done", LINKS), StatusError, "articlesmultistreamdump is 'done', and has no file"),
        (STATUS % (b'"../../x": {"size": 1}', b"done", LINKS), StatusError, "names '../../x', which is no file of jawiki"),
        (STATUS % (b'"/etc/passwd": {"size": 1}', b"done", LINKS), StatusError, "names '/etc/passwd'"),
        (STATUS % (PAGES.replace(b"jawiki", b"elwiki"), b"done", LINKS), StatusError, "which is no file of jawiki of 20240101"),
        (STATUS % (PAGES.replace(b"5,", b"-5,"), b"done", LINKS), StatusError, "size: Input should be greater"),
        (STATUS % (PAGES.replace(b"a" * 40, b"a"), b"done", LINKS), StatusError, "sha1: String should match"),
    ],
)
def test_a_status_that_cannot_be_used_says_why(text: bytes, kind: type[StatusError], reason: str) -> None:
    with pytest.raises(kind) as error:
        finished_dump(text, "jawiki", "20240101")
    assert reason in str(error.value)


def test_parts_of_a_large_wiki_are_files_that_a_build_finds() -> None:
    names = ["multistream1.xml-p1p41242.bz2", "multistream2.xml-p41243p99.bz2", "multistream-index1.txt-p1p41242.bz2"]
    files = b", ".join(b'"enwiki-20240101-pages-articles-%s": {"size": 5}' % name.encode() for name in names)
    dump = finished_dump(STATUS % (files, b"done", LINKS.replace(b"ja", b"en")), "enwiki", "20240101")
    found = find_dump([f"{dump.folder}/{file.name}" for file in dump.files], "enwiki")
    assert found.pages == tuple(f"enwiki/20240101/enwiki-20240101-pages-articles-{name}" for name in names[:2])
    assert found.missing is None


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("", "has no checksum of it"),
        ("b" * 40 + "  jawiki-20240101-pages-articles-multistream.xml.bz2\n" + "c" * 40 + "  x\n", "has no checksum of it"),
        ("\n".join(f"{'b' * 40}  jawiki-20240101-{name}" for name in WIKI_FILES), "the server's two checksums differ"),
    ],
)
def test_checksums_are_there_and_agree_or_nothing_is_fetched(listed: str, reason: str) -> None:
    dump = finished_dump(STATUS % (PAGES, b"done", LINKS), "jawiki", "20240101")
    with pytest.raises(StatusError, match=reason):
        with_checksums(dump, listed)


def test_a_page_of_links_names_days_and_nothing_else() -> None:
    page = '<a href="20240101/">x</a><a HREF="/jawiki/20240120">y</a><a href="latest/"></a><a href="?20240201/"></a><a>x</a>'
    assert days_of(page) == ["20240120", "20240101"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("wikimedai", "neither a known mirror (wikimedia, accum, c3sl, your.org)"),
        ("ftp://x/", "nor an address"),
        ("https://", "nor an address"),
        ("https://x/?a", "nor an address"),
    ],
)
def test_a_mirror_that_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_settings(CorpusSettings, None, ["wikis=[jawiki]", f"download.mirror={text}"])
    assert reason in str(error.value)


def test_mirrors_have_a_source_and_use_https() -> None:
    for name, about in known_mirrors().items():
        assert about["url"].startswith("https://"), name
        assert not about["url"].endswith("/"), name
        assert about["source"].startswith("https://"), name
        assert 1 <= about["connections"] <= 3, name
        assert mirror_of(name).warning is None
    assert "checksums" in (mirror_of("http://mirror.example").warning or "")
    with pytest.raises(ConfigurationError, match="3 is more than the 2 at a time"):
        load_settings(CorpusSettings, None, ["wikis=[jawiki]", "download.connections=3"])


# The command


@pytest.fixture
def settings(server, tmp_path) -> CorpusSettings:
    overrides = ["wikis=[jawiki,elwiki]", f"dumps_dir={tmp_path}/dumps", f"download.mirror={server.url}/", "download.attempts=2"]
    return load_settings(CorpusSettings, None, [*overrides, "download.contact=me@example.org"])


def test_the_newest_finished_dump_of_each_wiki_is_fetched_once(server, settings, tmp_path, capfd, monkeypatch) -> None:
    monkeypatch.setattr("spark_jobs.dumps.remote.transfer_progress._LINE_SECONDS", 0.0)
    for wiki in settings.wikis:
        server.add_dump(wiki, "20240101", WIKI_FILES)
    server.add_dump("jawiki", "20240120", WIKI_FILES, {"articlesmultistreamdump": "in-progress"})
    server.pause = 0.02
    assert download_wikis(settings) == 0
    told = capfd.readouterr().err
    assert "jawiki: 20240101, 7 files" in told
    assert re.search(r"\n  (\d\S* \w+) of \1 are there\n", told)
    assert server.most_open == 2  # side by side, and no more than the mirror allows
    folder = tmp_path / "dumps/jawiki/20240101"
    assert {path.name for path in folder.iterdir()} == {f"jawiki-20240101-{n}" for n in (*WIKI_FILES, "sha1sums.txt")}
    assert subprocess.run(["sha1sum", "-c", "--quiet", "jawiki-20240101-sha1sums.txt"], cwd=folder, check=False).returncode == 0
    _, dump = locate_dump(settings, "jawiki")
    assert dump.date == "20240101"
    assert set(dump.optional) == {"page", "redirect", "page_props", "siteinfo-namespaces"}

    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if "sha1sums" not in path.name}
    server.requests.clear()
    assert download_wikis(settings) == 0
    assert [path for path, _ in server.requests if path.endswith((".bz2", ".gz"))] == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_wiki_that_fails_does_not_stop_the_others_and_the_command_to_retry_is_told(server, settings, tmp_path, capfd) -> None:
    server.add_dump("elwiki", "20240101", WIKI_FILES)
    folder = server.add_dump("jawiki", "20240101", WIKI_FILES)
    damaged = f"{folder}/jawiki-20240101-langlinks.sql.gz"
    server.faults[damaged] = [other_bytes] * 2
    assert download_wikis(settings) == 1
    told = " ".join(capfd.readouterr().err.split())
    assert "arrived twice with a wrong checksum" in told
    assert "1 of 2 wikis failed; again:" in told
    assert "wikis=[jawiki]" in told
    assert (tmp_path / "dumps/elwiki/20240101/elwiki-20240101-sha1sums.txt").exists()
    assert not (tmp_path / "dumps/jawiki/20240101/jawiki-20240101-sha1sums.txt").exists()
    assert not (tmp_path / f"dumps{damaged}").exists()
    assert download_wikis(settings) == 0
    assert (tmp_path / f"dumps{damaged}").read_bytes() == WIKI_FILES["langlinks.sql.gz"]


@pytest.mark.parametrize(
    ("prepare", "overrides", "reason"),
    [
        (lambda server: None, [], "the mirror has no dumps of it"),
        (
            lambda server: server.add_dump("jawiki", "20240120", WIKI_FILES, {"pagetable": "waiting", "langlinkstable": "x"}),
            [],
            "no finished dump: 20240120: langlinkstable is 'x', pagetable is 'waiting'",
        ),
        (
            lambda server: server.add_dump("jawiki", "20240120", WIKI_FILES, {"langlinkstable": "in-progress"}),
            ["date=20240120"],
            "no finished dump: 20240120: langlinkstable is 'in-progress'",
        ),
        (
            lambda server: server.add_dump("jawiki", "20240120", WIKI_FILES),
            ["date=20240101"],
            "no finished dump: 20240101: it has no dumpstatus.json here",
        ),
        (lambda server: server.files.update({"/jawiki/": b"<html></html>"}), [], "no finished dump: the mirror lists no day"),
    ],
    ids=["unknown", "unfinished", "unfinished day", "day not there", "no days"],
)
def test_where_no_dump_is_finished_it_is_told_what_is_missing(server, settings, capfd, prepare, overrides, reason) -> None:
    prepare(server)
    chosen = load_settings(CorpusSettings, None, [*as_overrides(settings), "wikis=[jawiki]", *overrides])
    assert download_wikis(chosen) == 1
    assert reason in " ".join(capfd.readouterr().err.split())


def test_optional_files_can_be_left_out(server, settings, tmp_path) -> None:
    server.add_dump("jawiki", "20240101", WIKI_FILES, {"pagetable": "failed"})
    assert (
        download_wikis(
            load_settings(CorpusSettings, None, [*as_overrides(settings), "wikis=[jawiki]", "download.optional=false"])
        )
        == 0
    )
    assert len(list((tmp_path / "dumps/jawiki/20240101").iterdir())) == 4


def as_overrides(settings: CorpusSettings) -> list[str]:
    chosen = settings.download
    return [
        f"dumps_dir={settings.dumps_dir}",
        f"download.mirror={chosen.mirror}",
        f"download.attempts={chosen.attempts}",
        f"download.contact={chosen.contact}",
    ]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["wikis=[jawikii]"], "did you mean jawiki"),
        (["wikis=[jawiki]", "dumps_dir=hdfs://namenode/dumps"], "is not on this machine"),
        (["wikis=[jawiki]", "download.contact='a\u00e9'"], "printable ASCII"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(server, settings, overrides, reason) -> None:
    with pytest.raises(ConfigurationError) as error:
        download_wikis(load_settings(CorpusSettings, None, [*as_overrides(settings), *overrides]))
    assert reason in str(error.value)
    assert server.requests == []


def test_what_does_not_fit_on_the_disk_is_not_begun(server, settings, monkeypatch) -> None:
    server.add_dump("jawiki", "20240101", WIKI_FILES)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    with pytest.raises(ConfigurationError, match="are still to come: make room"):
        download_wikis(settings)
    assert not [path for path, _ in server.requests if path.endswith(".bz2")]


def test_a_stopped_command_goes_on_where_it_was(server, tmp_path) -> None:
    big = {**WIKI_FILES, "pages-articles-multistream.xml.bz2": DATA}
    path = server.add_dump("jawiki", "20240101", big) + "/jawiki-20240101-pages-articles-multistream.xml.bz2"
    server.faults[path] = [hang_after(524_288)]
    line = [sys.executable, "-m", "spark_jobs.download", "--wikis", "jawiki"]
    line += ["--set", f"dumps_dir={tmp_path}/dumps", "--set", f"download.mirror={server.url}"]
    running = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    part = tmp_path / f"dumps{path}.part"
    ends = time.monotonic() + 30
    while time.monotonic() < ends and not (server.asked(path) and part.exists()):
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    server.release.set()  # the connection ends, and the command looks up
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130, told
    assert "the same command goes on there" in " ".join(told.split())
    assert part.stat().st_size == 524_288
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "download.contact is not given" in " ".join(result.stderr.split())
    assert server.asked(path)[-1]["Range"] == "bytes=524288-"
    assert hashlib.sha1((tmp_path / f"dumps{path}").read_bytes()).hexdigest() == sha1(DATA)


def test_a_configuration_of_a_build_says_what_to_fetch_and_the_build_finds_it(server, repository, sample, tmp_path) -> None:
    for wiki in ("jawiki", "eswiki"):
        names = [name for name in WIKI_FILES if (sample / "dumps" / f"{wiki}-20240101-{name}").exists()]
        contents = {name: (sample / "dumps" / f"{wiki}-20240101-{name}").read_bytes() for name in names}
        server.add_dump(wiki, "20240101", {**WIKI_FILES, **contents})
    overrides = [f"dumps_dir={tmp_path}/dumps", f"download.mirror={server.url}", "download.optional=false"]
    settings = load_settings(CorpusSettings, repository / "conf/corpus/demo.yaml", overrides)
    assert download_wikis(settings) == 0
    plan_build(settings)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("python -m spark_jobs.download --wikis a,b", "python -m spark_jobs.download --set 'wikis=[a]'"),
        ("/v/bin/python -m spark_jobs.build --config c.yaml", "python -m spark_jobs.build --config c.yaml --set 'wikis=[a]'"),
        ("python x.py --set wikis=[b] --set date=1 -s wikis=[c]", "python x.py --set date=1 --set 'wikis=[a]'"),
        ("python x.py --wikis=b --set=wikis=[c] --set a=b", "python x.py --set a=b --set 'wikis=[a]'"),
    ],
)
def test_the_command_to_retry_names_the_failed_wikis_only(argv: str, expected: str) -> None:
    assert retry_command(["a"], argv.split(), submitted=False) == expected
    assert retry_command(["a"], argv.split(), submitted=True).endswith("with, at its end, --set 'wikis=[a]'")
