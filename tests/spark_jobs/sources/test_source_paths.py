"""The files that the option `path` of a data source means."""

import shutil

import pytest

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
