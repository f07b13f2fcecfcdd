"""The page at the end of the demonstration: complete, self-contained, safe, and laid out by a real browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.results.artifacts import Step, read_training_run
from eval.summary import SummarySettings, gather_findings, main, render_summary, table_rows, total_figures
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.contract.table_schemas import MANIFEST


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
    return render_summary(settings, gather_findings(settings))


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


def change(results_json: Path, changes: dict) -> None:
    """Change fields of one task; a dictionary changes the entries that it names."""
    results = json.loads(results_json.read_text())
    task = results["tasks"]["xcodah_ja"]
    for field, value in changes.items():
        task[field] = task[field] | value if isinstance(value, dict) else value
    results_json.write_text(json.dumps(results))


FEWSHOT = {"num_fewshot": 4, "settings": {"num_fewshot": 4}}


@pytest.mark.parametrize(
    ("both", "changes", "message"),
    [
        ({}, {"n": 5, "settings": {"limit": 5}}, "n (5, 16)"),
        ({}, {"scoring": "reference"}, "scoring (reference, standard)"),
        ({}, {"scoring_version": "0"}, "scoring_version (0, 1)"),
        ({}, {"task_sha256": "u"}, "task_sha256 (u, t)"),
        ({}, {"data": {"items_sha256": "j"}}, "data (j, i)"),
        ({}, {"dtype": "bfloat16"}, "dtype (bfloat16, float32)"),  # both asked for `auto`
        ({}, FEWSHOT, "num_fewshot (4, 0), seed (42, None)"),
        (FEWSHOT, {"settings": {"seed": 1}}, "seed (1, 42)"),
    ],
)
def test_evaluations_under_different_conditions_are_not_compared(demo, both, changes, message):
    change(demo / "eval" / "after" / "results.json", both)
    change(demo / "eval" / "before" / "results.json", both | changes)
    wanted = f"before, after: xcodah_ja was not evaluated alike, the two differ in {message}; evaluate both again"
    with pytest.raises(ConfigurationError, match=re.escape(wanted)):
        main(settings_for(demo))


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"seed": 1}},  # there are no examples to draw
        {"settings": {"dtype": "float32"}},  # as `auto` chose
        {"settings": {"limit": 16}},  # the same items
        {"settings": {"limit": 1000}},
        {"data": {"file": "elsewhere", "sha256": "other"}},  # the same items in other bytes
        {"versions": {"torch": "2.14.0"}},
    ],
)
def test_evaluations_that_differ_only_in_what_was_asked_for_are_compared(demo, changes):
    change(demo / "eval" / "before" / "results.json", changes)
    assert len(gather_findings(settings_for(demo)).comparisons) == 2


def test_what_is_still_being_built_is_not_shown(demo):
    staging = demo / "corpus" / "_staging" / "augmented" / "wiki=frwiki"
    shutil.copytree(demo / "corpus" / "augmented" / "wiki=jawiki", staging)
    folders = [folder.name for folder, _ in gather_findings(settings_for(demo)).manifests]
    assert folders == ["wiki=arwiki", "wiki=jawiki"]


@pytest.mark.parametrize("content", ["{", "{}", "schema"])
def test_a_torn_manifest_or_one_of_another_major_version_is_named(demo, content):
    path = demo / "corpus" / "augmented" / "wiki=jawiki" / MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"schema_version": "99.0"}) if content == "schema" else content)
    with pytest.raises(ConfigurationError, match=r"^corpus: .*build .* again") as error:
        main(settings_for(demo))
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"step": 41, "lo', "line 41: not valid JSON"),
        ('{"step": 41, "loss": null}', "line 41: loss: "),
        ('{"step": "x", "loss": 1.0}', "line 41: step: "),
    ],
)
def test_a_torn_line_of_the_metrics_is_named(demo, line, message):
    path = demo / "run" / "metrics.jsonl"
    path.write_text(path.read_text() + line)
    with pytest.raises(ConfigurationError, match=re.escape(f"run: {path}, {message}")):
        main(settings_for(demo))


@pytest.mark.parametrize("content", ["", "[1]", '{"steps": 4'])
def test_a_torn_record_of_the_run_is_named(demo, content):
    (demo / "run" / "run.json").write_text(content)
    with pytest.raises(ConfigurationError, match=re.escape(f"run: {demo / 'run' / 'run.json'} cannot be read")):
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
    assert "No difference between after and before is shown in 2 tasks after Holm's correction." in text
    assert (
        "four in five differences of 25.6 points (xcodah_ja). xcodah, 2 languages together: +12.5 points (-9.2 to +31.4)" in text
    )
    assert "tiny" not in text
    assert "make demo" in text
    assert "versions.deepspeed 0.19.8" in text
    assert "9.76 → 6.22" in text


def test_a_note_stands_before_what_the_scores_show(demo):
    settings = settings_for(demo, note="A trial <b>run</b>.")
    text = " ".join(Page(render_summary(settings, gather_findings(settings))).text.split())
    assert text.index("A trial <b>run</b>.") < text.index("No difference between after and before is shown")


def test_pages_that_are_not_accounted_for_are_not_called_so(demo):
    path = demo / "corpus" / "_build.json"
    build = json.loads(path.read_text())
    build["wikis"]["jawiki"]["pages"] += 1
    path.write_text(json.dumps(build))
    settings = settings_for(demo)
    assert "Not every" in render_summary(settings, gather_findings(settings))


def test_names_stand_beside_their_surfaces_and_markup_in_text_stays_text(html):
    assert '<bdi class="surface">京都市</bdi><bdi class="name" lang="en" dir="auto">Kyoto</bdi>' in html
    assert "である。&lt;b&gt;&amp;amp;" in html
    assert html.count('class="entity"') == 8


def test_an_arabic_article_reads_from_right_to_left(html):
    directions = [attributes["dir"] for tag, attributes in Page(html).elements if tag == "article"]
    assert directions == ["ltr", "ltr", "rtl"]
    assert 'lang="ar"' in html


@pytest.mark.parametrize("columns", [80, 200])
def test_the_console_says_what_was_built_and_where_in_80_columns(demo, capsys, monkeypatch, columns):
    monkeypatch.chdir(demo)
    monkeypatch.setenv("COLUMNS", str(columns))
    main(settings_for(Path()))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    starts = [line[2:13].rstrip() for line in lines[4:] if line[2:13].strip()]
    assert starts == ["corpus", "  jawiki", "  arwiki", "training", "evaluation", "page"]
    rows = "\n".join(lines)
    for expected in (" corpus ", " run ", "eval/before ", "eval/after ", " index.html ", "40 steps, loss 9.764 → 6.217"):
        assert expected in rows
    for expected in ("15 pages: 3 articles,", "6 of 10 links have a name", "2 tasks, 32 items: acc 18.8 → 31.2 %"):
        assert expected in rows
    assert "+12.5 points, 95 % interval -9.2 to +31.4" in rows
    assert "no difference is shown" in rows
    assert (demo / "index.html").read_text().startswith("<!doctype html>")


def test_a_repeated_step_counts_once(demo):
    with (demo / "run" / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 40, "loss": 1.5}\n')
    steps = read_training_run(demo / "run").steps
    assert len(steps) == 40
    assert steps[-1] == Step(40, 1.5)


def test_totals_and_tables_add_up(demo):
    findings = gather_findings(settings_for(demo))
    assert total_figures(findings.build.wikis.values(), "en")["named"] == 8
    assert total_figures(findings.build.wikis.values(), "fr")["named"] == 0
    (row,) = table_rows(findings.manifests)
    assert (row["table"], row["rows"], row["shards"], len(row["partitions"])) == ("augmented", 4, 2, 2)


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


def test_a_summary_leaves_out_tasks_without_candidates_and_needs_one_with(demo, tmp_path):
    from eval.results.evaluation_results import EvalResults, records_sha256

    for side in ("before", "after"):
        shutil.copytree(demo / "eval" / side, tmp_path / side)
        path = tmp_path / side / "results.json"
        results = EvalResults.model_validate_json(path.read_text())
        name = next(iter(results.tasks))
        score = results.tasks[name].scores.pop("acc")
        results.tasks[name].scores.clear()
        results.tasks[name].scores["exact_match"] = score
        samples = tmp_path / side / "samples" / f"{name}.jsonl"
        samples.write_text(samples.read_text().replace('"metrics":{"acc":', '"metrics":{"exact_match":'))
        results.tasks[name].samples_sha256 = records_sha256(tmp_path / side, name)
        path.write_text(results.model_dump_json())
    settings = settings_for(demo, before=tmp_path / "before", after=tmp_path / "after")
    found = gather_findings(settings)
    assert name not in [comparison.task for comparison in found.comparisons]
    assert name not in [paired.name for paired in found.paired]
    assert "<svg" in render_summary(settings, found)
