"""The page at the end of the demonstration: complete, self-contained, safe, and laid out by a real browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.published import Comparison, Step, read_run
from eval.results import Score
from eval.summary import SummarySettings, gather, main, remark, render, table_rows, total_figures
from spark_jobs.settings import ConfigurationError


def settings_for(demo: Path, **options) -> SummarySettings:
    values = {"corpus": demo / "corpus", "run": demo / "run", "output": demo / "index.html"}
    values |= {"before": demo / "eval" / "before", "after": demo / "eval" / "after"}
    return SummarySettings(**(values | options))


class Page(HTMLParser):
    """Elements with their attributes, and the text outside style and plots."""

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
def html(demo) -> str:
    settings = settings_for(demo, commands=["make demo"])
    return render(settings, gather(settings))


@pytest.mark.parametrize(
    ("gone", "key"),
    [
        ("corpus/_build.json", "corpus"),
        ("corpus/augmented/wiki=arwiki", "corpus"),
        ("run/metrics.jsonl", "run"),
        ("run/run.json", "run"),
        ("eval/before/results.json", "before"),
        ("eval/after/results.json", "after"),
    ],
)
def test_a_missing_input_is_named_with_its_key(demo, gone, key):
    path = demo / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ConfigurationError, match=rf"^{key}: ") as error:
        main(settings_for(demo))
    assert str(path) in str(error.value)
    assert not (demo / "index.html").exists()


def test_a_run_without_a_loss_is_refused(demo):
    (demo / "run" / "metrics.jsonl").write_text('{"step": 1}\n')
    with pytest.raises(ConfigurationError, match="holds no step with a loss"):
        main(settings_for(demo))


@pytest.mark.parametrize(("field", "value"), [("n", 5), ("scoring", "reference"), ("data", {"sha256": "other"})])
def test_evaluations_under_different_conditions_are_not_compared(demo, field, value):
    path = demo / "eval" / "before" / "results.json"
    results = json.loads(path.read_text())
    results["tasks"]["xcodah_ja"][field] = value
    path.write_text(json.dumps(results))
    with pytest.raises(ConfigurationError, match=rf"xcodah_ja was not evaluated alike, the two differ in {field}"):
        main(settings_for(demo))


def test_the_page_is_well_formed_and_refers_to_nothing_outside(html):
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


def test_the_page_tells_every_figure(html):
    text = " ".join(Page(html).text.split())
    for expected in ("jawiki 15 3 3 8 1 10 6 60.0", "arwiki 13 3 1 8 1 3 2 66.7", "together 28 6 4 16 2 13 8 61.5"):
        assert expected in text.replace("\u2009%", "")
    assert "pages = other namespaces + articles + redirects + rejects" in text
    assert "xcodah_ja 16 25 18.8 ± 10.1 31.2 ± 12.0" in text
    assert "With 16 items a task" in text
    assert "make demo" in text
    assert "versions.deepspeed 0.19.8" in text
    assert "9.76 → 6.22" in text


def test_pages_that_are_not_accounted_for_are_not_called_so(demo):
    path = demo / "corpus" / "_build.json"
    build = json.loads(path.read_text())
    build["wikis"]["jawiki"]["pages"] += 1
    path.write_text(json.dumps(build))
    settings = settings_for(demo)
    assert "Not every" in render(settings, gather(settings))


def test_names_stand_beside_their_surfaces_and_markup_in_text_stays_text(html):
    assert '<bdi class="surface">京都市</bdi><bdi class="name" lang="en" dir="auto">Kyoto</bdi>' in html
    assert "である。&lt;b&gt;&amp;amp;" in html
    assert html.count('class="entity"') == 8


def test_an_arabic_article_reads_from_right_to_left(html):
    directions = [attributes["dir"] for tag, attributes in Page(html).elements if tag == "article"]
    assert directions == ["ltr", "ltr", "rtl"]
    assert 'lang="ar"' in html


def test_the_console_says_what_was_built_and_where(demo, capsys):
    main(settings_for(demo))
    shown = " ".join(capsys.readouterr().out.split())
    for expected in ("jawiki", "arwiki", "training", "40 steps, loss 9.764", "2 tasks, 32 items", "index.html"):
        assert expected in shown
    assert (demo / "index.html").read_text().startswith("<!doctype html>")


def test_a_repeated_step_counts_once(demo):
    with (demo / "run" / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 40, "loss": 1.5}\n')
    steps = read_run(demo / "run").steps
    assert len(steps) == 40
    assert steps[-1] == Step(40, 1.5, None, None)


def test_totals_and_tables_add_up(demo):
    findings = gather(settings_for(demo))
    assert total_figures(findings.build.wikis.values(), "en")["named"] == 8
    assert total_figures(findings.build.wikis.values(), "fr")["named"] == 0
    (row,) = table_rows(findings.manifests)
    assert (row["table"], row["rows"], row["shards"], len(row["partitions"])) == ("augmented", 4, 2, 2)


def test_the_remark_gives_two_standard_errors_of_a_difference_for_the_fewest_items():
    score = {"acc": Score(value=0.5, stderr=0.1)}
    few, many = (Comparison(f"t{n}", n, 0.5, "standard", score, score) for n in (50, 5000))
    # 2 * sqrt(2 * 0.25 / 50) = 0.2
    assert remark([many, few]).startswith("With 50 items a task, two scores at chance level differ by up to 20 points")


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_a_browser_lays_the_page_out_without_overflow_in_both_dresses(demo, scheme, dark):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    main(settings_for(demo))
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
