"""The page of a training run, as files and in a browser."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.report.run_facts import facts_of_run
from training.report.run_files import read_run_files
from training.report.run_html import write_page
from training.report.run_plots import build_run_plots


class Elements(HTMLParser):
    """The tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory) -> Path:
    """The page of a run with two skipped steps, which was resumed."""
    return write_page([(make_run(tmp_path_factory.mktemp("finished") / "run"), None)])


def test_the_page_has_the_facts_and_the_events_of_the_run(run):
    page = run.read_text()
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for part in (
        "A finished training run",
        "60 of 60 steps done",
        "60,000 tokens seen",
        "5.00 → 2.05 loss",
        "2 steps skipped",
        "2 min 0 s in steps",
        "meta-llama/Llama-2-7b-hf, 6,738,415,616 parameters",
        "corpus fingerprint 7521c11b",
        "stream fingerprint c0501d5f",
        "stream hash after step 60 000000000000003c",
        "right, probability 0.5, in tags, names are predicted",
        "ZeRO stage 2",
        "ranks 8, cuda",
        "precision bf16",
        "20 skipped the loss is nan; sequences 160-167",
        "30 resumed path somewhere; ranks 2",
        "Checkpoints and measurements (18)",
        "xcsqa_ja/acc 0.31 10 0.36 60",
    ):
        assert part in text, part
    assert "<b>ja</b>" not in page, "content of files is escaped"
    assert "&lt;b&gt;ja&lt;/b&gt;" in page


def test_every_plot_has_a_text_alternative_and_ids_are_unique(run):
    found = Elements(run.read_text())
    labels = [svg["aria-label"] for svg in found.all("svg")]
    assert all(svg["role"] == "img" for svg in found.all("svg"))
    assert sum("training: 5 at 1, 2.05 at 60" in label and "2 skipped" in label for label in labels) == 2
    assert any("held out, be_x_oldwiki: 4.2 at 10, 4.033 at 60" in label for label in labels)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(header.get("scope") for header in found.all("th"))


@pytest.mark.parametrize("changes", [{"steps": 1, "skipped": ()}, {"steps": 2, "skipped": (1, 2), "wikis": ()}])
def test_a_run_of_very_few_steps_has_a_page(make_run, tmp_path, changes):
    page = write_page([(make_run(tmp_path / "run", **changes), None)]).read_text()
    assert "<svg" in page
    assert not [path for path in re.findall(r' d="([^"]*)"', page) if "nan" in path]


def test_of_many_wikis_the_largest_are_drawn_and_all_are_listed(make_run, tmp_path):
    wikis = tuple(f"{letter}{other}wiki" for letter in "abc" for other in "abc")
    folder = make_run(tmp_path / "run", steps=10, skipped=(), wikis=wikis)
    drawn = {plot.title: [line.name for line in plot.lines] for plot in build_run_plots([read_run_files(folder)], "step")}
    assert drawn["Tokens of each wiki"] == list(wikis[:8])
    assert drawn["Loss"] == ["training", *(f"held out, {wiki}" for wiki in wikis[:8])]
    page = write_page([(folder, None)]).read_text()
    assert all(f"<td>{wiki}</td>" in page for wiki in wikis)
    assert "The plots show the 8 with the most tokens" in page


def test_the_page_of_an_unfinished_run_shows_its_progress(make_run, tmp_path):
    folder = make_run(tmp_path / "run", finished=False, planned=100)
    page = write_page([(folder, None)]).read_text()
    assert "A training run after step 60" in page
    assert Elements(page).all("progress")[0]["max"] == "100"
    assert dict(facts_of_run(read_run_files(folder)))["ZeRO stage"] == "2"


def test_runs_are_laid_over_each_other_with_their_differences(make_run, tmp_path):
    first, second = make_run(tmp_path / "p050"), make_run(tmp_path / "x" / "p050", steps=40, probability=0.25)
    with pytest.raises(ConfigurationError, match="give --output"):
        write_page([(first, None), (second, None)])
    with pytest.raises(ConfigurationError, match="have the same label"):
        write_page([(first, None), (second, None)], tmp_path / "both.html")
    page = write_page([(first, None), (second, "p025")], tmp_path / "new" / "both.html").read_text()
    assert re.search(r"insertion\.probability</code></td><td class=\"left\">0\.5</td><td class=\"left\">0\.25</td>", page)
    found = build_run_plots([read_run_files(first), read_run_files(second, "p025")], "tokens")
    loss = next(plot for plot in found if plot.title == "Loss")
    assert [(line.name, line.x[-1]) for line in loss.lines] == [("p050", 0.06), ("p025", 0.04)]
    assert {plot.title for plot in found} >= {"Held-out loss, jawiki", "Tasks: niilc/f1"}


def test_a_browser_shows_every_plot_without_errors_requests_or_overflow(run, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    (tmp_path / "www").mkdir()
    page = run.read_text()
    probe = (
        "<script>const boxes = [...document.querySelectorAll('figure svg')].map(e => e.getBoundingClientRect());"
        "const seen = {overflow: document.documentElement.scrollWidth - innerWidth,"
        "shown: boxes.filter(b => b.width > 0).map(b => [b.width, b.height]), hidden: boxes.filter(b => b.width === 0).length,"
        "ink: getComputedStyle(document.body).color, paper: getComputedStyle(document.body).backgroundColor,"
        "line: getComputedStyle(document.querySelector('figure svg')).getPropertyValue('--series-2'),"
        "rows: document.querySelectorAll('table.wikis tbody tr').length,"
        "requests: performance.getEntriesByType('resource').map(e => e.name)};"
        "parent.postMessage(seen, '*');</script>"
    )
    # A window of a browser cannot be as narrow as a phone; a frame can.
    frames = "".join(f'<iframe src="page.html" style="width:{width}px;height:900px"></iframe>' for width in (390, 1200))
    collect = (
        "<script>const all = []; addEventListener('message', e => { all.push(e.data);"
        "document.body.dataset.probe = JSON.stringify(all); });</script>"
    )
    (tmp_path / "www" / "page.html").write_text(page.replace("</body>", f"{probe}</body>"))
    (tmp_path / "www" / "index.html").write_text(
        f'<meta charset="utf-8"><link rel="icon" href="data:,"><body>{collect}{frames}</body>'
    )
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=tmp_path / "www"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += "--enable-logging=stderr "
    flags += f"--disable-component-update --disable-sync --window-size=1700,1000 --user-data-dir={tmp_path}/profile "
    flags += "--virtual-time-budget=5000 --dump-dom"
    papers = set()
    for scheme in ("0", "1"):  # dark, light
        command = [browser, *flags.split(), f"--blink-settings=preferredColorScheme={scheme}"]
        address = f"http://127.0.0.1:{server.server_port}/index.html"
        done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=True)
        assert "CONSOLE" not in done.stderr, done.stderr
        seen = json.loads(re.search(r'data-probe="([^"]*)"', done.stdout)[1].replace("&quot;", '"'))
        phone, screen = sorted(seen, key=lambda found: len(found["shown"]) and found["shown"][1][0])
        for found in (phone, screen):
            assert found["overflow"] <= 0
            assert (len(found["shown"]), found["hidden"], found["rows"], found["requests"]) == (12, 1, 3, [])
            assert found["line"].strip()
            assert found["ink"] != found["paper"]
        assert all(300 < width < 390 and height > 150 for width, height in phone["shown"])
        assert screen["shown"][0][0] > 800
        papers.add(screen["paper"])
    server.shutdown()
    assert len(papers) == 2, "the page has a light and a dark style"
    assert {path for path in asked if path != "/favicon.ico"} == {"/index.html", "/page.html"}
