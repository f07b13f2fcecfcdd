"""The sample of articles."""

import bz2
from pathlib import Path


def page_xml(title: str, namespace: int, text: str, redirect: str = "") -> str:
    return (
        f"<page><title>{title}</title><ns>{namespace}</ns><id>1</id>{redirect}<revision><id>1</id>"
        f"<timestamp>2024-01-01T00:00:00Z</timestamp><model>wikitext</model><text>{text}</text></revision></page>"
    )


def write_dump(path: Path, *pages: str) -> Path:
    path.write_bytes(bz2.compress(f"<mediawiki>{''.join(pages)}</mediawiki>".encode()))
    return path


def test_articles_are_read_once_without_redirects_other_namespaces_and_bad_pages(load_benchmark, tmp_path) -> None:
    sampled = load_benchmark("inputs.sampled_articles")
    pages = [
        page_xml("Tea", 0, "[[drink]]"),
        page_xml("Talk:Tea", 1, "x"),
        page_xml("T", 0, "x", '<redirect title="Tea"/>'),
        "<page>",
    ]
    write_dump(tmp_path / "enwiki-20240101-pages-articles.xml.bz2", *pages)
    write_dump(tmp_path / "enwiki-20240101-pages-articles-multistream.xml.bz2", *pages)
    (tmp_path / "enwiki-20240101-pages-articles-multistream-index.txt.bz2").write_bytes(b"")
    part = write_dump(tmp_path / "jawiki-20240101-pages-articles2.xml-p1p9.bz2", page_xml("茶", 0, "[[飲料]]"))
    dumps = sampled.find_dumps([tmp_path])
    assert [path.name for path in dumps] == ["enwiki-20240101-pages-articles.xml.bz2", part.name]
    assert sampled.read_articles(dumps, 5) == [
        sampled.SampledArticle("enwiki", "Tea", "[[drink]]"),
        sampled.SampledArticle("jawiki", "茶", "[[飲料]]"),
    ]
    assert sampled.find_dumps([part]) == [part]
