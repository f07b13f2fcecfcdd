"""The sample in the repository: packed files equal their sources, and the files of expected results are consistent."""

import bz2
import csv
import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from lxml import etree

WIKIS = ["eswiki", "jawiki"]
DATASETS = {"X-CODAH": "ABCD", "X-CSQA": "ABCDE"}


@pytest.fixture(scope="module")
def pack(sample: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_pack", sample / "pack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_tsv(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_front_matters(sample: Path, wiki: str) -> list[dict]:
    """Front matter of every source file, read without `pack.py`."""
    files = sorted((sample / "sources" / wiki).glob("*.wikitext"))
    return [yaml.safe_load(file.read_text(encoding="utf-8").split("---\n")[1]) for file in files]


def read_dump(sample: Path, wiki: str) -> bytes:
    return next((sample / "dumps").glob(f"{wiki}-*-multistream.xml.bz2")).read_bytes()


def test_the_packed_files_equal_the_sources(pack: ModuleType) -> None:
    assert pack.outdated_files() == []


def test_a_changed_missing_or_orphaned_packed_file_is_reported(
    pack: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "DUMPS", tmp_path)
    files = dict(pack.pack_files())
    for path, content in files.items():
        path.write_bytes(content)
    assert pack.outdated_files() == []
    changed, missing, *_ = files
    changed.write_bytes(files[changed] + b"\n")
    missing.unlink()
    orphan = tmp_path / "xxwiki-20240101-langlinks.sql.gz"
    orphan.write_bytes(b"")
    assert pack.outdated_files() == [changed, missing, orphan]


@pytest.mark.parametrize("content", ["wikitext without front matter", "---\ntitle: A\n", "---\ntitle: A\npage_id: 2\n---\ntext"])
def test_a_source_that_is_not_a_page_is_refused(pack: ModuleType, tmp_path: Path, content: str) -> None:
    path = tmp_path / "0001.wikitext"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"0001\.wikitext|Page"):
        pack.read_page(path)


@pytest.mark.parametrize("wiki", WIKIS)
def test_each_wiki_has_at_least_forty_articles(sample: Path, wiki: str) -> None:
    pages = read_front_matters(sample, wiki)
    assert sum(page.get("namespace", 0) == 0 and "redirect" not in page for page in pages) >= 40


@pytest.mark.parametrize("wiki", WIKIS)
def test_the_expected_page_counts_are_those_of_the_sources(sample: Path, wiki: str) -> None:
    pages = read_front_matters(sample, wiki)
    kinds = Counter(
        "other_namespaces" if page.get("namespace", 0) else "redirects" if "redirect" in page else "articles" for page in pages
    )
    (expected,) = [row for row in read_tsv(sample / "expected" / "pages.tsv") if row["wiki"] == wiki]
    assert expected == {"wiki": wiki, "pages": str(len(pages)), **{kind: str(count) for kind, count in kinds.items()}}


@pytest.mark.parametrize("wiki", WIKIS)
def test_the_dump_is_well_formed_and_holds_every_source_exactly(sample: Path, wiki: str) -> None:
    root = etree.fromstring(bz2.decompress(read_dump(sample, wiki)))
    namespace = {"m": "http://www.mediawiki.org/xml/export-0.11/"}
    titles = [page.findtext("m:title", namespaces=namespace) for page in root.iterfind("m:page", namespace)]
    assert titles == [page["title"] for page in read_front_matters(sample, wiki)]
    for page in root.iterfind("m:page", namespace):
        source = sample / "sources" / wiki / f"{int(page.findtext('m:id', namespaces=namespace) or ''):04d}.wikitext"
        text = page.find("m:revision/m:text", namespace)
        assert text is not None
        assert source.read_text(encoding="utf-8").endswith(f"\n---\n{text.text}\n")
        assert text.get("bytes") == str(len((text.text or "").encode()))


@pytest.mark.parametrize("wiki", WIKIS)
def test_the_index_points_at_the_stream_that_holds_the_page(sample: Path, wiki: str) -> None:
    content = read_dump(sample, wiki)
    index = bz2.decompress(next((sample / "dumps").glob(f"{wiki}-*-multistream-index.txt.bz2")).read_bytes()).decode()
    lines = [line.split(":", 2) for line in index.splitlines()]
    assert len(lines) == len(read_front_matters(sample, wiki))
    signatures = [match.start() for match in re.finditer(rb"BZh[1-9]1AY&SY", content)]
    offsets = sorted({int(offset) for offset, _, _ in lines})
    assert signatures[1:-1] == offsets, "the first stream is the header, the last one </mediawiki>"
    for offset, page_id, title in lines:
        stream = bz2.BZ2Decompressor().decompress(content[int(offset) :]).decode()
        pages = etree.fromstring(f"<pages>{stream}</pages>")
        assert (title, page_id) in [(page.findtext("title"), page.findtext("id")) for page in pages]
        assert len(pages) <= 10
    assert bz2.decompress(content[signatures[-1] :]) == b"</mediawiki>\n"


@pytest.mark.parametrize("wiki", WIKIS)
def test_expected_names_and_entities_refer_to_pages_of_the_sources(sample: Path, wiki: str) -> None:
    pages = {page["title"]: page for page in read_front_matters(sample, wiki) if page.get("namespace", 0) == 0}
    articles = {str(page["page_id"]) for page in pages.values() if "redirect" not in page}
    names = {row["title"]: row for row in read_tsv(sample / "expected" / "names.tsv") if row["wiki"] == wiki}
    entities = [row for row in read_tsv(sample / "expected" / "entities.tsv") if row["wiki"] == wiki]
    assert names.keys() <= pages.keys()
    assert {row["page_id"] for row in names.values()} <= articles
    assert len({row["page"] for row in entities}) == 6
    for row in entities:
        assert row["page"] in pages
        if row["source"] == "link":
            assert row["target_page_id"] == ""
        else:
            name = names[row["target"]]
            assert (row["target_page_id"], row["source"]) == (name["page_id"], name["source"])
            assert name["langlink"].startswith(row["name"])


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_questions_are_parallel_in_all_languages_and_balanced(sample: Path, dataset: str) -> None:
    labels = DATASETS[dataset]
    keys = {}
    for language in ("en", "es", "jap"):
        lines = (sample / "eval" / "xcsr" / dataset / language / "dev.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        assert {row["lang"] for row in rows} == {language}
        for row in rows:
            assert "".join(choice["label"] for choice in row["question"]["choices"]) == labels
            assert len({choice["text"] for choice in row["question"]["choices"]}) == len(labels)
        keys[language] = [(row["id"], row["answerKey"]) for row in rows]
    assert keys["en"] == keys["es"] == keys["jap"]
    assert len({question for question, _ in keys["en"]}) == 16
    counts = Counter(answer for _, answer in keys["en"])
    assert set(counts) == set(labels)
    assert max(counts.values()) - min(counts.values()) <= 1
