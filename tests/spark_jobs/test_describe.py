"""The build report: its figures agree with the tables, and a browser shows it correctly on desktop and phone."""

import html
import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.excerpts import make_excerpt
from spark_jobs.common.storage import Location
from spark_jobs.common.wiki_languages import language_tag
from spark_jobs.config import CorpusSettings, DescribeSettings
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests
from spark_jobs.contract.manifest import read_manifest
from spark_jobs.contract.table_schemas import NAME_SOURCES
from spark_jobs.linking.name_resolution import load_pivots
from spark_jobs.linking.unnamed_reasons import REASONS
from spark_jobs.reports.build_report import render_build_report
from spark_jobs.reports.histogram import EDGES
from spark_jobs.reports.link_explanations import explain_links_of_page
from spark_jobs.reports.page_lookup import PageLookup
from spark_jobs.reports.wiki_report import LinkedTarget, WikiReport
from spark_jobs.stages.describe_stage import BUILD_REPORT, gather_wiki_report, write_build_report
from spark_jobs.wikis import load_profile

ENGLISH = load_pivots(["en"])[0]
# The texts begin with Latin letters, so that their first letter does not give their direction.
RIGHT_TO_LEFT = {
    "arwiki": ("NASA هي وكالة في الولايات المتحدة تدرس الشمس (1958).", "الولايات المتحدة", "United States"),
    "fawiki": ("NASA سازمانی در ایالات متحده است که خورشید را می‌شناسد.", "ایالات متحده", "United States"),
    "hewiki": ("NASA היא סוכנות של ארצות הברית החוקרת את השמש.", "ארצות הברית", "United States"),
}
PROBE = """
addEventListener("load", () => {
  const all = s => [...document.querySelectorAll(s)], style = e => getComputedStyle(e);
  document.body.dataset.probe = JSON.stringify({
    width: innerWidth,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    wide: all("main *").filter(e => !e.closest(".scroll, pre, svg, details:not([open])"))
      .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className),
    background: style(document.body).backgroundColor,
    scrolled: all(".scroll").filter(e => e.scrollWidth > e.clientWidth + 1).length,
    plots: all("figure svg").map(s => s.getBoundingClientRect()).map(b => [b.width, b.height]),
    articles: all("article p:first-of-type").map(p => [p.closest("[lang]").lang, p.parentElement.dir, style(p).direction]),
    names: all("article .name").map(n => [style(n).unicodeBidi, style(n).direction, n.textContent]),
    outcomes: all("table.outcomes tbody tr").length,
    requests: performance.getEntriesByType("resource").map(e => e.name),
    outside: all("[src], link[href], script[src]").map(e => e.outerHTML).filter(t => !t.includes('href="data:,"')),
  });
});
"""


class ParsedPage(HTMLParser):
    """The text of a page, and its tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.text += " "  # separates cells


@pytest.fixture(scope="module")
def reports(spark, corpus: Path) -> dict[str, WikiReport]:
    """The report of each sample wiki."""
    place = Location.of(str(corpus))
    tables = corpus_tables(read_manifests(place))
    return {wiki: gather_wiki_report(spark, place, tables, wiki, DescribeSettings()) for wiki in ("jawiki", "eswiki")}


def multiply_figures(report: WikiReport, times: int = 2000) -> WikiReport:
    """The report of a wiki with `times` as many pages and links, so that it has millions, as whole wikis have."""
    multiplied = {name: value * times for name, value in report.figures.items() if isinstance(value, int)}
    (pivot,) = report.pivots
    outcomes = [replace(outcome, links=outcome.links * times) for outcome in pivot.outcomes]
    counters = {name: {count: value * times for count, value in counts.items()} for name, counts in report.counters.items()}
    pivots = [replace(pivot, named=pivot.named * times, outcomes=outcomes)]
    return replace(report, figures=report.figures | multiplied, pivots=pivots, counters=counters)


@pytest.fixture
def right_to_left(reports, demo_settings: CorpusSettings, tmp_path: Path) -> Path:
    """The report of three large wikis written from right to left, with the figures of the sample."""
    wikis = []
    for wiki, (text, linked, name) in RIGHT_TO_LEFT.items():
        start = text.index(linked)
        entity = {"start": start, "end": start + len(linked), "names": [{"language": "en", "name": name, "source": "langlink"}]}
        row = {"title": linked, "text": text, "entities": [entity]}
        titles = {"linked_targets": [LinkedTarget(linked, 7, name)], "excerpts": [make_excerpt(row, "en", 420)]}
        wikis.append(replace(multiply_figures(reports["jawiki"]), wiki=wiki, language=language_tag(wiki), **titles))
    page = tmp_path / BUILD_REPORT
    page.write_text(render_build_report(demo_settings, [], wikis), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def report(spark, corpus: Path, demo_settings: CorpusSettings, tmp_path_factory) -> Path:
    """The report of the sample, in a folder of symbolic links, so that the shared corpus is unchanged."""
    folder = tmp_path_factory.mktemp("described")
    for table in corpus.iterdir():
        (folder / table.name).symlink_to(table)
    write_build_report(spark, demo_settings.model_copy(update={"output_dir": str(folder)}))
    return folder / BUILD_REPORT


@pytest.mark.parametrize("wiki", ["jawiki", "eswiki"])
class TestFigures:
    def test_every_link_has_one_outcome(self, reports, corpus, wiki) -> None:
        counters = read_manifest(corpus / "augmented" / f"wiki={wiki}").counters
        (pivot,) = reports[wiki].pivots
        assert sum(outcome.links for outcome in pivot.outcomes) == counters["links"]
        assert (
            sum(outcome.links for outcome in pivot.outcomes if outcome.is_named) == pivot.named == counters["links_with_name.en"]
        )

    def test_counts_by_reason_agree_with_single_links(self, reports, read_rows, corpus, wiki) -> None:
        place, profile = Location.of(str(corpus)), load_profile(wiki)
        lookup = PageLookup(place, {table.name: table for table in corpus_tables(read_manifests(place))}, wiki)
        accounts = [a for row in read_rows("augmented", wiki) for a in explain_links_of_page(lookup, row, [ENGLISH], profile)]
        (pivot,) = reports[wiki].pivots
        counted = Counter(REASONS[account.reason] if account.reason else account.because for account in accounts)
        assert {outcome.label: outcome.links for outcome in pivot.outcomes} == counted
        assert len(counted) > len(NAME_SOURCES) + 4
        unnamed = Counter(account.target for account in accounts if account.reason in ("missing", "no_langlink"))
        shown = {target.title: target.links for target in pivot.unnamed_targets if target.reason in ("missing", "no_langlink")}
        assert shown.items() <= unnamed.items()
        assert min(shown.values()) >= sorted(unnamed.values())[-len(shown)]

    def test_the_most_linked_articles_agree_with_the_table(self, reports, read_rows, wiki) -> None:
        counts = Counter(row["target_page_id"] for row in read_rows("links", wiki) if row["target_page_id"] is not None)
        titles = {row["page_id"]: row["title"] for row in read_rows("articles", wiki)}
        expected = [(titles[page], links) for page, links in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:15]]
        assert [(target.title, target.links) for target in reports[wiki].linked_targets] == expected
        assert {"太陽": "Sun", "Sol": "Sun"}.items() & {(target.title, target.name) for target in reports[wiki].linked_targets}

    def test_distributions_count_every_article_and_name(self, reports, read_rows, wiki) -> None:
        rows = read_rows("augmented", wiki)
        for histogram, values in (
            (reports[wiki].text_lengths, [len(row["text"]) for row in rows]),
            (reports[wiki].links, [len(row["links"]) for row in rows]),
            (reports[wiki].name_lengths, [len(entity["names"][0]["name"]) for row in rows for entity in row["entities"]]),
        ):
            assert (histogram.size, histogram.total, histogram.largest) == (len(values), sum(values), max(values))
            assert histogram.counts.tolist() == np.histogram(values, [*EDGES, 10**9])[0].tolist()
            assert histogram.median == pytest.approx(np.median(values), rel=0.2)

    def test_wikitext_and_text_are_counted(self, reports, wiki) -> None:
        assert reports[wiki].wikitext_characters > reports[wiki].figures["characters"] > 20_000


@pytest.fixture
def partial(corpus: Path, tmp_path: Path) -> Path:
    """A folder with all tables of jawiki, and eswiki as a build leaves it that failed behind `extract`."""
    for table in ("articles", "rejects"):
        (tmp_path / table).symlink_to(corpus / table)
    for table in ("names", "augmented", "links"):
        (tmp_path / table).mkdir()
        (tmp_path / table / "wiki=jawiki").symlink_to(corpus / table / "wiki=jawiki")
    return tmp_path


def describe(spark, settings: CorpusSettings, folder: Path, wikis: list[str]) -> ParsedPage:
    write_build_report(spark, settings.model_copy(update={"output_dir": str(folder), "wikis": wikis}))
    return ParsedPage((folder / BUILD_REPORT).read_text(encoding="utf-8"))


def heads_of(page: ParsedPage) -> set[str | None]:
    return {attributes["id"] for tag, attributes in page.tags if "id" in attributes} & {"jawiki", "eswiki", "frwiki"}


def test_finished_wikis_are_described_and_the_others_are_listed(spark, partial, demo_settings, capsys) -> None:
    page = describe(spark, demo_settings, partial, ["eswiki", "jawiki", "frwiki"])
    assert heads_of(page) == {"jawiki"}
    shown = " ".join(page.text.split())
    assert "Not in this report: eswiki (it has no names, augmented, links), frwiki (it is not built)." in shown
    printed = " ".join(capsys.readouterr().err.split())
    assert "eswiki is not in the report: it has no names, augmented, links" in printed
    assert "frwiki is not in the report: it is not built" in printed
    assert "jawiki-20240101-pages-articles" in shown
    assert "eswiki-20240101" not in shown


def test_the_wikis_of_the_configuration_narrow_the_report(spark, corpus, demo_settings, tmp_path, capsys) -> None:
    for table in corpus.iterdir():
        (tmp_path / table.name).symlink_to(table)
    (tmp_path / BUILD_REPORT).unlink(missing_ok=True)
    page = describe(spark, demo_settings, tmp_path, ["eswiki"])
    assert heads_of(page) == {"eswiki"}
    assert "Not in this report" not in page.text
    assert "the folder also holds jawiki, which wikis does not name" in capsys.readouterr().err


def test_a_wiki_whose_tables_cannot_be_read_leaves_the_others(spark, corpus, demo_settings, tmp_path) -> None:
    for table in ("articles", "names", "augmented", "links", "rejects"):
        shutil.copytree(corpus / table, tmp_path / table)
    for shard in (tmp_path / "augmented" / "wiki=eswiki").glob("*.parquet"):
        shard.write_bytes(shard.read_bytes()[:100])
    page = describe(spark, demo_settings, tmp_path, ["jawiki", "eswiki"])
    assert heads_of(page) == {"jawiki"}
    assert re.search(r"Not in this report: eswiki \(Arrow\w+: .*Parquet.*\)\.", " ".join(page.text.split()))


def test_a_folder_without_a_finished_wiki_is_refused_with_the_reasons(spark, corpus, tmp_path, demo_settings) -> None:
    (tmp_path / "names").symlink_to(corpus / "names")
    message = (
        r"no wiki of the configuration is finished: jawiki: it has no articles, augmented, links, rejects; eswiki: it has no "
    )
    with pytest.raises(ConfigurationError, match=message):
        write_build_report(spark, demo_settings.model_copy(update={"output_dir": str(tmp_path)}))
    assert not (tmp_path / BUILD_REPORT).exists()


def test_the_page_shows_the_figures_and_is_self_contained(report, reports) -> None:
    page = ParsedPage(report.read_text(encoding="utf-8"))
    shown = " ".join(page.text.split())
    for found in reports.values():
        for outcome in found.pivots[0].outcomes:
            assert f"{outcome.label} {outcome.links:,}" in shown
        assert f"{found.linked_targets[0].title} {found.linked_targets[0].name} {found.linked_targets[0].links}" in shown
    assert "python -m spark_jobs.explain" in shown
    assert not [tag for tag, attributes in page.tags if "src" in attributes or tag == "script"]
    assert not [at["href"] for _, at in page.tags if "href" in at and not at["href"].startswith(("#", "data:,"))]


def test_many_wikis_are_folded_under_lines_with_their_sizes(reports, demo_settings) -> None:
    wikis = [replace(multiply_figures(reports["jawiki"]), wiki=wiki) for wiki in ("arwiki", "fawiki", "hewiki", "jawiki")]
    page = ParsedPage(render_build_report(demo_settings, [], wikis))
    assert [attributes["id"] for tag, attributes in page.tags if tag == "div" and "id" in attributes] == [w.wiki for w in wikis]
    named = f"{100 * wikis[0].pivots[0].named / wikis[0].figures['links']:.1f}\u2009%"
    shown = page.text
    for wiki in wikis:
        assert re.search(rf"{wiki.wiki}\s+114,000 articles, 2,008,000 links, {named} with a name in en", shown)


def test_excerpts_show_no_disambiguation_pages(reports, read_rows) -> None:
    for wiki, found in reports.items():
        disambiguations = {row["title"] for row in read_rows("augmented", wiki) if row["is_disambiguation"]}
        assert disambiguations
        assert not disambiguations & {excerpt.title for excerpt in found.excerpts}


def test_the_report_is_reproducible(report, reports, corpus, demo_settings) -> None:
    tables = corpus_tables(read_manifests(Location.of(str(corpus))))
    second = render_build_report(demo_settings, tables, [reports[wiki] for wiki in sorted(reports)])
    assert report.read_text(encoding="utf-8") == second


def open_in_browser(page: Path, folder: Path, width: int, dark: bool) -> dict[str, Any]:
    """Measurements of a page in a headless Chromium, which also takes a screenshot. Skips the test without Chromium."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    probed = folder / "probed.html"
    # A frame, because windows have a minimum width.
    inner = page.read_text(encoding="utf-8").replace("</body>", f"<script>{PROBE}</script></body>")
    (folder / "inner.html").write_text(inner, encoding="utf-8")
    probed.write_text(
        f'<body style="margin:0"><iframe src="inner.html" style="width:{width}px;height:2000px;border:0"></iframe>'
        "<script>document.querySelector('iframe').onload = e => { const d = e.target.contentDocument;"
        "document.body.dataset.probe = d.body.dataset.probe }</script></body>",
        encoding="utf-8",
    )
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += "--disable-component-update --disable-sync --enable-logging=stderr --allow-file-access-from-files "
    flags += f"--virtual-time-budget=5000 --window-size={max(width, 520)},2000 --user-data-dir={folder}/profile "
    flags += f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = [browser, *flags.split()]
    dump = [*command, "--dump-dom", probed.as_uri()]
    done = subprocess.run(dump, capture_output=True, text=True, timeout=120, check=True)
    assert ":CONSOLE" not in done.stderr, done.stderr
    picture = folder / "page.png"
    subprocess.run([*command, f"--screenshot={picture}", probed.as_uri()], capture_output=True, timeout=120, check=True)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 30_000  # the file of an empty page is smaller
    return json.loads(html.unescape(re.search(r'data-probe="([^"]*)"', done.stdout)[1]))


@pytest.mark.parametrize(("width", "dark"), [(1100, False), (390, True)], ids=["desktop, light", "phone, dark"])
def test_a_browser_shows_the_report_without_overflow_in_light_and_dark(report, tmp_path, width, dark) -> None:
    measured = open_in_browser(report, tmp_path, width, dark)
    assert measured["width"] == width
    assert (measured["overflow"], measured["wide"]) == (0, [])
    assert (measured["scrolled"] > 0) == (width < 600)  # a table that is wider than a phone scrolls on its own
    assert measured["background"] == ("rgb(21, 23, 27)" if dark else "rgb(253, 252, 250)")
    assert len(measured["plots"]) == 6
    assert all(wide > 200 and high > 130 for wide, high in measured["plots"])
    assert measured["outcomes"] > 16
    assert (measured["requests"], measured["outside"]) == ([], [])
    assert measured["articles"] == [["es", "ltr", "ltr"]] * 2 + [["ja", "ltr", "ltr"]] * 2
    assert len(measured["names"]) > 20


def test_right_to_left_text_and_left_to_right_names_keep_their_directions(right_to_left, tmp_path) -> None:
    measured = open_in_browser(right_to_left, tmp_path, 1000, False)
    assert (measured["overflow"], measured["wide"], measured["scrolled"]) == (0, [], 0)
    assert measured["articles"] == [["ar", "rtl", "rtl"], ["fa", "rtl", "rtl"], ["he", "rtl", "rtl"]]
    assert {(bidi, direction) for bidi, direction, _ in measured["names"]} == {("isolate", "ltr")}
    assert {name for _, _, name in measured["names"]} == {"United States"}
    page = right_to_left.read_text(encoding="utf-8")
    assert '<bdi lang="ar">الولايات المتحدة</bdi>' in page
