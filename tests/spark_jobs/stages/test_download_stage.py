"""The command `download` against a real HTTP server: choice of a dump, failures, resumption, exit codes."""

import hashlib
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.remote import download_folder, http_retries
from spark_jobs.extraction.dump_location import locate_dump
from spark_jobs.stages.build_plan import plan_build
from spark_jobs.stages.download_stage import EXIT_INTERRUPTED, download_wikis

from ..dumps.remote.fake_mirror import DATA, WIKI_FILES, hang_after, send_wrong_byte, serving, sha1


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch) -> None:
    monkeypatch.setattr(http_retries, "LONGEST_WAIT", 0.01)


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
    printed = capfd.readouterr().err
    assert "jawiki: 20240101, 7 files" in printed
    assert re.search(r"\n  (\d\S* \w+) of \1 are there\n", printed)
    assert server.most_open == 2  # in parallel, up to the limit of the mirror
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


def test_a_wiki_that_fails_does_not_stop_the_others_and_the_command_to_retry_is_printed(
    server, settings, tmp_path, capfd
) -> None:
    server.add_dump("elwiki", "20240101", WIKI_FILES)
    folder = server.add_dump("jawiki", "20240101", WIKI_FILES)
    damaged = f"{folder}/jawiki-20240101-langlinks.sql.gz"
    server.failures[damaged] = [send_wrong_byte] * 2
    assert download_wikis(settings) == 1
    printed = " ".join(capfd.readouterr().err.split())
    assert "arrived twice with a wrong checksum" in printed
    assert "1 of 2 wikis failed; again:" in printed
    assert "wikis=[jawiki]" in printed
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
    ids=["unknown", "unfinished", "unfinished day", "day missing", "no days"],
)
def test_without_a_finished_dump_the_reasons_are_printed(server, settings, capfd, prepare, overrides, reason) -> None:
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
def test_wrong_settings_are_refused_before_the_first_request(server, settings, overrides, reason) -> None:
    with pytest.raises(ConfigurationError) as error:
        download_wikis(load_settings(CorpusSettings, None, [*as_overrides(settings), *overrides]))
    assert reason in str(error.value)
    assert server.requests == []


def test_dumps_that_do_not_fit_on_the_disk_are_not_downloaded(server, settings, monkeypatch) -> None:
    server.add_dump("jawiki", "20240101", WIKI_FILES)
    monkeypatch.setattr(download_folder.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    with pytest.raises(ConfigurationError, match="are still to come: make room"):
        download_wikis(settings)
    assert not [path for path, _ in server.requests if path.endswith(".bz2")]


def test_a_stopped_command_resumes(server, tmp_path) -> None:
    big = {**WIKI_FILES, "pages-articles-multistream.xml.bz2": DATA}
    path = server.add_dump("jawiki", "20240101", big) + "/jawiki-20240101-pages-articles-multistream.xml.bz2"
    server.failures[path] = [hang_after(524_288)]
    line = [sys.executable, "-m", "spark_jobs.download", "--wikis", "jawiki"]
    line += ["--set", f"dumps_dir={tmp_path}/dumps", "--set", f"download.mirror={server.url}"]
    running = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    part = tmp_path / f"dumps{path}.part"
    ends = time.monotonic() + 30
    while time.monotonic() < ends and not (server.requests_for(path) and part.exists()):
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    server.release.set()  # the connection ends, and the command sees the signal
    _, printed = running.communicate(timeout=30)
    assert running.returncode == EXIT_INTERRUPTED, printed
    assert "the same command continues from there" in " ".join(printed.split())
    assert part.stat().st_size == 524_288
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "download.contact is not set" in " ".join(result.stderr.split())
    assert server.requests_for(path)[-1]["Range"] == "bytes=524288-"
    assert hashlib.sha1((tmp_path / f"dumps{path}").read_bytes()).hexdigest() == sha1(DATA)


def test_the_configuration_of_a_build_downloads_the_files_that_the_build_finds(server, repository, sample, tmp_path) -> None:
    for wiki in ("jawiki", "eswiki"):
        names = [name for name in WIKI_FILES if (sample / "dumps" / f"{wiki}-20240101-{name}").exists()]
        contents = {name: (sample / "dumps" / f"{wiki}-20240101-{name}").read_bytes() for name in names}
        server.add_dump(wiki, "20240101", {**WIKI_FILES, **contents})
    overrides = [f"dumps_dir={tmp_path}/dumps", f"download.mirror={server.url}", "download.optional=false"]
    settings = load_settings(CorpusSettings, repository / "conf/corpus/demo.yaml", overrides)
    assert download_wikis(settings) == 0
    plan_build(settings)
