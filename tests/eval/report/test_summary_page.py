"""The page of a demonstration: complete, self-contained, safe, and laid out by a real browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from eval.report.summary_inputs import read_summary_inputs
from eval.report.summary_page import render_summary, summarize_tables
from eval.report.summary_report import write_summary
from eval.results.build_record import total_counts


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text outside style and plots."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if "style" not in self.open and "svg" not in self.open:
            self.text += f"{data} "


@pytest.fixture
def html(make_summary_settings, demo) -> str:
    settings = make_summary_settings(commands=["make demo"])
    return render_summary(settings, read_summary_inputs(settings))


def test_the_page_is_well_formed_and_self_contained(html):
    page = Page(html)
    assert page.open == []
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed"}
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    assert "http" not in html
    assert "@import" not in html
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))


def test_ids_in_the_page_are_unique_and_every_reference_has_its_target(html):
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = [attributes["xlink:href"] for _, attributes in page.elements if "xlink:href" in attributes]
    references += re.findall(r"url\(([^)]*)\)", html)
    assert references
    assert {reference.removeprefix("#") for reference in references} <= set(ids)


def test_the_page_shows_every_figure(html):
    text = " ".join(Page(html).text.split())
    for expected in ("jawiki 15 3 3 8 1 10 6 60.0", "arwiki 13 3 1 8 1 3 2 66.7", "together 28 6 4 16 2 13 8 61.5"):
        assert expected in text.replace("\u2009%", "")
    assert "pages = other namespaces + articles + redirects + rejects" in text
    assert "xcodah_ja 16 25 18.8 ± 10.1 31.2 ± 12.0" in text
    assert "No difference between after and before is shown in 2 tasks after Holm's correction." in text
    assert "Minimum detectable difference of a single test (80 % power): 25.6 points (xcodah_ja)." in text
    assert "(xcodah_ja). xcodah, 2 languages together: +12.5 points (-9.2 to +31.4)" in text
    assert "tiny" not in text
    assert "make demo" in text
    assert "versions.deepspeed 0.19.8" in text
    assert "9.76 → 6.22" in text


def test_a_note_comes_before_the_verdict(make_summary_settings, demo):
    settings = make_summary_settings(note="A trial <b>run</b>.")
    text = " ".join(Page(render_summary(settings, read_summary_inputs(settings))).text.split())
    assert text.index("A trial <b>run</b>.") < text.index("No difference between after and before is shown")


def test_the_page_reports_pages_that_are_not_counted(make_summary_settings, demo):
    path = demo / "corpus" / "_build.json"
    build = json.loads(path.read_text())
    build["wikis"]["jawiki"]["pages"] += 1
    path.write_text(json.dumps(build))
    settings = make_summary_settings()
    assert "Not every" in render_summary(settings, read_summary_inputs(settings))


def test_names_follow_their_surfaces_and_markup_in_text_is_escaped(html):
    assert '<bdi class="surface">京都市</bdi><bdi class="name" lang="en" dir="auto">Kyoto</bdi>' in html
    assert "である。&lt;b&gt;&amp;amp;" in html
    assert html.count('class="entity"') == 8


def test_an_arabic_article_reads_from_right_to_left(html):
    directions = [attributes["dir"] for tag, attributes in Page(html).elements if tag == "article"]
    assert directions == ["ltr", "ltr", "rtl"]
    assert 'lang="ar"' in html


def test_totals_and_tables_add_up(make_summary_settings, demo):
    findings = read_summary_inputs(make_summary_settings())
    assert total_counts(findings.build.wikis.values(), "en")["named"] == 8
    assert total_counts(findings.build.wikis.values(), "fr")["named"] == 0
    (row,) = summarize_tables(findings.manifests)
    assert (row["table"], row["rows"], row["shards"], len(row["partitions"])) == ("augmented", 4, 2, 2)


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_a_browser_lays_the_page_out_without_overflow_in_light_and_dark(make_summary_settings, demo, scheme, dark):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    write_summary(make_summary_settings())
    probe = (
        "<script>const c = getComputedStyle(document.body); document.body.dataset.probe = JSON.stringify({"
        "overflow: document.documentElement.scrollWidth - innerWidth, background: c.backgroundColor, "
        "plots: [...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height),"
        "arabic: getComputedStyle(document.querySelector('article[dir=rtl] p')).direction})</script>"
    )
    page = demo / "probed.html"
    page.write_text((demo / "index.html").read_text().replace("</body>", f"{probe}</body>"))
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += f"--disable-component-update --disable-sync --window-size=800,900 --user-data-dir={demo}/profile --dump-dom "
    flags += f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    done = subprocess.run([browser, *flags.split(), page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(re.search(r'data-probe="([^"]*)"', done.stdout)[1].replace("&quot;", '"'))
    assert found["overflow"] <= 0
    assert found["background"] == ("rgb(21, 23, 27)" if dark else "rgb(253, 252, 250)"), scheme
    assert len(found["plots"]) == 2
    assert min(found["plots"]) > 80
    assert found["arabic"] == "rtl"
