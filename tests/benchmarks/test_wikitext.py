"""The benchmark of wikitext extractors: the links that count, failures and timeouts, the sample and the table."""

import bz2
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from spark_jobs.wikis import load_profile

PAGE = """\
'''Tea''' is a [[drink]] made from [[leaf|leaves]], not [[empty| ]] or [[bad<title]].<!-- [[Comment]] --><ref>[[Footnote]]</ref>
{{Infobox|origin=[[China]]}}
[[File:Tea.jpg|thumb|A cup of [[green tea]]]]
A [[:Category:Tea|category]], a [[wikt:tea|word]] and a [http://example.org page that is no link].

== [[History]] ==
It began there.
* [[Song dynasty#Tea|Song]]
{| class="wikitable"
| [[Cell]]
|}
<gallery>
Tea.jpg|A [[gallery]]
</gallery>
== References ==
See [[Book]].
[[Category:Drinks]] [[ja:茶]]
"""
SHOWN = ["Drink", "Leaf", "Category:Tea", "tea", "History", "Song dynasty", "Cell", "Book"]


@pytest.fixture(scope="module")
def benchmark(repository):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "benchmarks")
        import wikitext
        from peers import wikitext_extractors

    return SimpleNamespace(**{**vars(wikitext_extractors), **vars(wikitext)})


def page_xml(title: str, namespace: int, text: str, redirect: str = "") -> str:
    return (
        f"<page><title>{title}</title><ns>{namespace}</ns><id>1</id>{redirect}<revision><id>1</id>"
        f"<timestamp>2024-01-01T00:00:00Z</timestamp><model>wikitext</model><text>{text}</text></revision></page>"
    )


def write_dump(path: Path, *pages: str) -> Path:
    path.write_bytes(bz2.compress(f"<mediawiki>{''.join(pages)}</mediawiki>".encode()))
    return path


def make_tool(benchmark, name: str):
    package = name.partition(",")[0]
    return benchmark.TOOLS[name]() if package == "ours" or pytest.importorskip(package) else None


@pytest.fixture
def slow(benchmark):
    """A tool that never finishes a page."""

    def run(wikitext, profile):
        while True:
            time.process_time()

    return benchmark.Extractor("slow", lambda wikitext, profile: wikitext, run, lambda result, profile: None)


@pytest.fixture
def broken(benchmark):
    """A tool that fails on every page."""

    def run(wikitext, profile):
        raise RecursionError("too deep")

    return benchmark.Extractor("broken", lambda wikitext, profile: wikitext, run, lambda result, profile: None)


def test_failures_and_timeouts_are_counted_with_their_time_and_page(benchmark, slow, broken) -> None:
    article = benchmark.SampledArticle("enwiki", "Tea", PAGE)
    totals, missing = benchmark.measure_extractors([article], [slow, broken, benchmark.our_extractor("ours")], timeout=0.02)
    assert [(total.failures, total.timeouts, total.links) for total in totals.values()] == [(0, 1, 0), (1, 0, 0), (0, 0, 8)]
    assert totals["slow"].failed == ["enwiki: Tea: timeout"]
    assert totals["broken"].failed == ["enwiki: Tea: RecursionError('too deep')"]
    assert totals["slow"].seconds > 0  # CPU time: on a busy machine less than the timeout
    assert missing == {"slow": [], "broken": []}


@pytest.mark.parametrize(
    ("name", "titles", "reported"),
    [
        ("ours", SHOWN, 8),
        # Without the section of references and the table.
        ("ours, as the engine runs it", SHOWN[:6], 6),
        # Also the empty link, the footnote, the links in template, file and caption, the category and the language.
        ("mwparserfromhell", SHOWN, 15),
        # Also the link in the gallery.
        ("wikitextparser", SHOWN, 16),
        # Only known prefixes with a colon, without lists and tables; the empty link, the bad one and the URL are anchors too.
        ("wikiextractor", ["Drink", "Leaf", "tea", "History", "Book"], 8),
    ],
)
def test_a_tool_finds_the_links_that_a_reader_sees_in_its_text(benchmark, name, titles, reported) -> None:
    tool = make_tool(benchmark, name)
    _, page = benchmark.measure_page(tool, PAGE, load_profile("enwiki"), timeout=60)
    assert ([link.title for link in page.links], page.reported) == (titles, reported)


@pytest.mark.parametrize(
    ("name", "characters"),
    [(name, 10) for name in ("ours", "ours, as the engine runs it", "mwparserfromhell", "wikitextparser", "wikiextractor")],
)
def test_characters_are_counted_without_white_space_and_markup(benchmark, name, characters) -> None:
    tool = make_tool(benchmark, name)
    _, page = benchmark.measure_page(tool, "[[tea|Green tea]] &amp;\n\nx", load_profile("enwiki"), timeout=60)
    assert page.characters == characters


@pytest.mark.parametrize(
    ("wikitext", "name", "seen"),
    [
        ("[[a]", "mwparserfromhell", 0),
        ("[[a|]]", "mwparserfromhell", 0),
        ("[[a|]]", "wikitextparser", 0),
        ("[[a|]]", "wikiextractor", 0),
        ("[[a|{{b}}]]", "mwparserfromhell", 0),
        ("[[a|{{b}}]]", "wikitextparser", 0),
        ("[[a|b [[c]] d]]", "wikitextparser", 1),
        ("{{{x|[[a]]}}}", "mwparserfromhell", 1),
        ("[[a<!-- b -->|c]]", "mwparserfromhell", 1),
        ("[[a<!-- b -->|c]]", "wikitextparser", 1),
        ("== [[a]] ==\n''[[b]]'' [http://example.org [[c]]]", "mwparserfromhell", 3),
        ('[[a "b" & c]]', "wikiextractor", 1),
        ("[//example.org a]", "wikiextractor", 0),
    ],
)
def test_the_links_of_a_peer_count_if_its_text_shows_them(benchmark, wikitext, name, seen) -> None:
    tool = make_tool(benchmark, name)
    _, page = benchmark.measure_page(tool, wikitext, load_profile("enwiki"), timeout=60)
    assert len(page.links) == seen


def test_links_that_ours_shows_less_often_than_a_peer_are_missing(benchmark) -> None:
    article = benchmark.SampledArticle("enwiki", "Tea", "")
    links = [benchmark.VisibleLink(None, title, None, f"[[{title}]]") for title in "ABAB"]
    peer = benchmark.ExtractedPage(0, 4, links)
    ours = benchmark.ExtractedPage(0, 2, links[:2] + links[1:2])
    assert benchmark.find_missing(article, ours, peer) == [benchmark.MissingLink("enwiki", "Tea", "[[A]]")]
    assert len(benchmark.find_missing(article, None, peer)) == 4


def test_the_command_prints_the_table_and_writes_the_same_figures(benchmark, tmp_path, capsys) -> None:
    for package in benchmark.PACKAGES:
        pytest.importorskip(package)
    dump = write_dump(
        tmp_path / "enwiki-20240101-pages-articles.xml.bz2", page_xml("Tea", 0, "[[drink]] {{ill|Tea house|ja|茶館}}")
    )
    benchmark.main([dump], repeat=2, json_out=tmp_path / "out.json", markdown=True, missing=1)
    report = json.loads((tmp_path / "out.json").read_text())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "|  | speed, mwparserfromhell = 1 | MB/s | links a reader sees | links reported | characters | failures |"
    rows = {cells[1].strip(): cells[2:-1] for cells in (line.split("|") for line in lines[2:7])}
    assert list(rows) == list(report["tools"]) == list(benchmark.TOOLS)
    assert rows["mwparserfromhell"][0].strip() == "1.0"
    for name, figures in report["tools"].items():
        assert int(rows[name][2]) == figures["links"] == (2 if name.startswith("ours") else 1)
    assert report["sample"] == {"articles": {"enwiki": 1}, "megabytes": 0.0}
    assert set(report["machine"]) == {"processor", "cores", "system", "python", "packages"}
    assert "mwparserfromhell: 0 links that ours does not show" in lines
