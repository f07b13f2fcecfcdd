"""The files that the option `path` of a data source means."""

import json
import re
import shutil
from pathlib import Path

import pytest

from spark_jobs.sources.source_options import SourceError
from spark_jobs.sources.source_paths import find_files, refuse_duplicate_names

from .page_frames import DUMP, pages


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nowhere/x.xml", "'/nowhere/x.xml' does not exist"),
        ("/nowhere/*.xml", "'/nowhere/\\*.xml': "),
        ("{sample}/dumps/*.html", "no such file"),
        ("{sample}/eval", "no such file; of a folder, files are read whose names match '-pages-"),
        ("{tmp}/x.xml", r"its root element is <html> \(a web page\), not <mediawiki>"),
        (
            "{tmp}",
            "eswiki-20240101-pages-articles-multistream.xml.bz2 and eswiki-20240101-pages-articles.xml hold the same pages",
        ),
    ],
)
def test_wrong_paths_are_refused(session, sample, dump, xml, tmp_path, path, message) -> None:
    (tmp_path / "x.xml").write_bytes(b"<html>404</html>")
    (tmp_path / "eswiki-20240101-pages-articles.xml").write_bytes(xml)
    shutil.copy(dump, tmp_path)
    with pytest.raises(Exception, match=message):
        pages(session, path.format(sample=sample, tmp=tmp_path)).count()


def test_no_path_is_refused(session) -> None:
    with pytest.raises(Exception, match=r"no path: use .load\(PATH\)"):
        session.read.format("mediawiki").load().count()


def test_folders_globs_and_lists_of_paths_are_read(session, sample) -> None:
    def count(path: object) -> dict[str, int]:
        return {row.file: row["count"] for row in pages(session, path, columns="file").groupBy("file").count().collect()}

    both = count(sample / "dumps")
    assert set(both) == {DUMP, DUMP.replace("es", "ja", 1)}
    assert count(f"{sample}/dumps/*wiki-*.xml.bz2") == both
    assert count(f"{sample}/dum[p]s/{{ja,es}}wiki-20240101-*") == both
    assert count(f"{sample}/dumps/es*") == {DUMP: both[DUMP]}
    assert count([f"{sample}/dumps/{name}" for name in both]) == both
    assert count(f"file://{sample}/dumps") == both


def test_a_file_in_two_folders_is_refused(session, dump, tmp_path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(dump, tmp_path / folder)
    with pytest.raises(Exception, match="is there twice: choose one folder"):
        pages(session, tmp_path / "*" / DUMP).collect()


WANTED, IN_FOLDER = re.compile(r"\.xml"), re.compile("-pages-")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a-pages-1.xml", "b.xml", "c.txt", "in/d-pages-1.xml.bz2", "in/deep/e-pages-1.xml", "[f]/g-pages-.xml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(folder: Path, **options: str) -> list[str]:
    return [file.path.removeprefix(f"{folder}/") for file in find_files(options, WANTED, IN_FOLDER)]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "no path: use .load(PATH) with a file, a folder or a glob"),
        ("{folder}/none.xml", "'{folder}/none.xml' does not exist (looked at {folder}/none.xml)"),
        ("{folder}/*.bz2", "'{folder}/*.bz2': no such file; of a folder, files are read whose names match '-pages-'"),
        ("{folder}/none/*.xml", "'{folder}/none/*.xml': "),
        ("nowhere://x/y", "'nowhere://x/y': "),
    ],
)
def test_a_path_without_a_file_is_refused(folder: Path, path: str, message: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(message.replace('{folder}', str(folder)))}"):
        names(folder, path=path.replace("{folder}", str(folder)))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("c.txt", ["c.txt"]),
        ("", ["[f]/g-pages-.xml", "a-pages-1.xml", "in/d-pages-1.xml.bz2", "in/deep/e-pages-1.xml"]),
        ("in", ["in/d-pages-1.xml.bz2", "in/deep/e-pages-1.xml"]),
        ("[f]", ["[f]/g-pages-.xml"]),
        ("*", ["a-pages-1.xml", "b.xml"]),
        ("?.xml", ["b.xml"]),
        ("[ab]*", ["a-pages-1.xml", "b.xml"]),
        ("i*/*", ["in/d-pages-1.xml.bz2"]),
        ("{b,a-{pages,x}-1}.xml", ["a-pages-1.xml", "b.xml"]),
    ],
)
def test_a_file_a_folder_and_a_glob_are_found(folder: Path, path: str, found: list[str]) -> None:
    assert names(folder, path=f"{folder}/{path}".rstrip("/")) == found


@pytest.mark.parametrize(
    ("days", "path", "message"),
    [
        (
            ["jawiki/20240101", "jawiki/20240201", "eswiki/20240101"],
            "",
            "holds jawiki of several days, such as 20240101 and 20240201",
        ),
        (["jawiki/20240101", "jawiki/20240201"], "/jawiki/", "choose one with a path such as '{folder}/jawiki/*/20240201/*'"),
        (["jawiki/20240101", "eswiki/20240201"], "", None),
        (["jawiki/20240101", "jawiki/20240201"], "/jawiki/20240201", None),
        (["jawiki/20240101", "jawiki/20240201"], "/*/20240201/*", None),
        (["jawiki/20240101", "jawiki/20240201"], "/*/*/*.xml", None),
    ],
)
def test_a_folder_with_two_days_of_a_wiki_is_refused(tmp_path: Path, days: list[str], path: str, message: str | None) -> None:
    for day in days:
        (tmp_path / day).mkdir(parents=True)
        (tmp_path / day / f"{day.replace('/', '-')}-pages-articles.xml").touch()
    if message is None:
        assert find_files({"path": f"{tmp_path}{path}"}, WANTED, IN_FOLDER)
        return
    with pytest.raises(SourceError, match=re.escape(message.replace("{folder}", str(tmp_path)))):
        find_files({"path": f"{tmp_path}{path}"}, WANTED, IN_FOLDER)


def test_paths_keep_their_order_and_give_each_file_once(folder: Path) -> None:
    paths = json.dumps([f"{folder}/b.xml", f"{folder}/*.xml", f"{folder}/in/deep"])
    assert names(folder, paths=paths, path="ignored") == ["b.xml", "a-pages-1.xml", "in/deep/e-pages-1.xml"]


def test_a_name_in_two_folders_is_refused() -> None:
    refuse_duplicate_names(["a", "b"])
    with pytest.raises(SourceError, match=r"^b is there twice: choose one folder, or remove one of the two$"):
        refuse_duplicate_names(["a", "b", "c", "b"])
