"""Statuses, lists of days and checksums of a dump server."""

import pytest

from spark_jobs.dumps.dump_files import find_dump
from spark_jobs.dumps.remote.dump_status import StatusError, UnfinishedDumpError, add_checksums, list_days, select_files

from .fake_mirror import WIKI_FILES

STATUS = (
    b'{"jobs": {"articlesmultistreamdump": {"status": "done", "files": {%s}}, "langlinkstable": {"status": "%s", "files": {%s}}}}'
)
PAGES = b'"jawiki-20240101-pages-articles-multistream.xml.bz2": {"size": 5, "sha1": "%s"}' % (b"a" * 40)
LINKS = b'"jawiki-20240101-langlinks.sql.gz": {"size": 7}'


def test_the_files_of_a_finished_dump_are_selected() -> None:
    dump = select_files(STATUS % (PAGES, b"done", LINKS), "jawiki", "20240101")
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
        (STATUS % (b'"../../x": {"size": 1}', b"done", LINKS), StatusError, "names '../../x', which is not a file of jawiki"),
        (STATUS % (b'"/etc/passwd": {"size": 1}', b"done", LINKS), StatusError, "names '/etc/passwd'"),
        (
            STATUS % (PAGES.replace(b"jawiki", b"elwiki"), b"done", LINKS),
            StatusError,
            "which is not a file of jawiki of 20240101",
        ),
        (STATUS % (PAGES.replace(b"5,", b"-5,"), b"done", LINKS), StatusError, "size: Input should be greater"),
        (STATUS % (PAGES.replace(b"a" * 40, b"a"), b"done", LINKS), StatusError, "sha1: String should match"),
    ],
)
def test_a_status_that_cannot_be_used_is_refused_with_the_reason(text: bytes, kind: type[StatusError], reason: str) -> None:
    with pytest.raises(kind) as error:
        select_files(text, "jawiki", "20240101")
    assert reason in str(error.value)


def test_parts_of_a_large_wiki_are_files_that_a_build_finds() -> None:
    names = ["multistream1.xml-p1p41242.bz2", "multistream2.xml-p41243p99.bz2", "multistream-index1.txt-p1p41242.bz2"]
    files = b", ".join(b'"enwiki-20240101-pages-articles-%s": {"size": 5}' % name.encode() for name in names)
    dump = select_files(STATUS % (files, b"done", LINKS.replace(b"ja", b"en")), "enwiki", "20240101")
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
def test_missing_and_contradicting_checksums_are_refused(listed: str, reason: str) -> None:
    dump = select_files(STATUS % (PAGES, b"done", LINKS), "jawiki", "20240101")
    with pytest.raises(StatusError, match=reason):
        add_checksums(dump, listed)


def test_only_links_to_days_are_listed() -> None:
    page = '<a href="20240101/">x</a><a HREF="/jawiki/20240120">y</a><a href="latest/"></a><a href="?20240201/"></a><a>x</a>'
    assert list_days(page) == ["20240120", "20240101"]
    assert list_days('<a href="٢٠٢٤٠١٠١/"></a><a href="２０２４０１０１/"></a><a href="2024０101/"></a>') == []
