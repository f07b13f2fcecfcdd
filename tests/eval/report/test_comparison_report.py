"""The comparison of models: console, Markdown and page, and the page in a real browser."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from eval.report.comparison_report import COMPARISON_MARKDOWN, COMPARISON_PAGE, compare_models
from spark_jobs.common.errors import ConfigurationError

from ..evaluations import write_scores


def test_a_single_model_is_refused(three_models, tmp_path):
    with pytest.raises(ConfigurationError, match="takes two models or more"):
        compare_models(three_models[:1], tmp_path / "out")


def test_a_missing_evaluation_is_named(three_models, tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere/results.json does not exist"):
        compare_models([three_models[0], str(tmp_path / "nowhere")], tmp_path / "out")


def test_console_markdown_and_page_show_the_same_figures(three_models, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    compare_models(three_models, tmp_path / "out")
    shown = capsys.readouterr().out
    markdown, page = (tmp_path / "out" / COMPARISON_MARKDOWN).read_text(), (tmp_path / "out" / COMPARISON_PAGE).read_text()
    figures = re.findall(r"\| (xc\w+) \| acc \| \d+ \| [\d.]+ → [\d.]+: ([+-][\d.]+)", markdown)
    assert len(figures) == 15
    for name, points in figures:
        assert name in shown
        assert points in shown
        assert points in page
    assert "leia is above base in 2 of 5 tasks" in " ".join(shown.split())
    assert "leia is above base in 2 of 5 tasks" in page


def test_a_reproduction_is_shown_beside_the_published_score(tmp_path):
    right = np.array([1] * 40 + [0] * 60)
    ours = write_scores(tmp_path / "ours", "aaa", {"xcsqa_ja_reference": right}, scoring="reference", reported="swallow-7b")
    other = write_scores(tmp_path / "other", "bbb", {"xcsqa_ja_reference": 1 - right}, scoring="reference")
    compare_models([str(ours), str(other)], tmp_path / "out")
    assert "| xcsqa_ja_reference | 0 | 41.0 | 40.0 | -1.0 |" in (tmp_path / "out" / COMPARISON_MARKDOWN).read_text()
    assert "ours beside Swallow-7B as published" in (tmp_path / "out" / COMPARISON_PAGE).read_text()


def test_the_mean_of_several_runs_is_shown_beside_the_published_score_and_every_test_is_named(tmp_path):
    rights = [np.array([1] * n + [0] * (100 - n)) for n in (40, 50)]
    runs = [
        write_scores(tmp_path / f"run{at}", f"r{at}", {"xcsqa_ja_reference": right}, scoring="reference", reported="swallow-7b")
        for at, right in enumerate(rights)
    ]
    base, other = (
        write_scores(tmp_path / name, name, {"xcsqa_ja_reference": 1 - right}, scoring="reference")
        for name, right in zip(("base", "other"), rights, strict=True)
    )
    compare_models([str(base), str(other), f"leia={runs[0]},{runs[1]}"], tmp_path / "out")
    text, page = ((tmp_path / "out" / name).read_text() for name in (COMPARISON_MARKDOWN, COMPARISON_PAGE))
    assert "## leia, mean of 2 runs beside Swallow-7B as published" in text
    assert "| xcsqa_ja_reference | 0 | 41.0 | 45.0 | +4.0 |" in text
    assert "<dd>exact McNemar, permutation and runs</dd>" in page


def test_paired_runs_need_equal_numbers(tmp_path):
    rights = [np.array([1] * n + [0] * (10 - n)) for n in (2, 4, 7, 5)]
    folders = [write_scores(tmp_path / str(at), str(at), {"xcsqa_ja": right}) for at, right in enumerate(rights)]
    compare_models([f"base={folders[0]},{folders[1]}", f"leia={folders[2]},{folders[3]}"], tmp_path / "out", paired_runs=True)
    assert "permutation and paired runs" in (tmp_path / "out" / COMPARISON_PAGE).read_text()
    with pytest.raises(ConfigurationError, match=r"--paired-runs: models have different numbers of runs \(base 1, leia 2\)"):
        compare_models([f"base={folders[0]}", f"leia={folders[2]},{folders[3]}"], tmp_path / "out", paired_runs=True)


PROBE = """
const seen = [...document.querySelectorAll('iframe')].map(frame => {
  const page = frame.contentDocument, boxes = name => [...page.querySelectorAll(name)].map(e => e.getBoundingClientRect());
  return {
    overflow: page.documentElement.scrollWidth - frame.clientWidth,
    plots: boxes('figure svg').map(box => [box.width, box.height]),
    letters: Math.min(...boxes('figure svg text').map(box => box.height)),
    rows: page.querySelectorAll('section.contrast tbody tr').length,
    labels: [...page.querySelectorAll('figure svg text')].filter(text => text.textContent === 'xcsqa_ja').length,
    outside: page.querySelectorAll('[src], link[href]').length};
});
document.body.dataset.probe = JSON.stringify(seen);
"""


def test_a_browser_shows_every_plot_without_overflow_on_a_screen_and_on_a_phone(three_models, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    compare_models(three_models, tmp_path / "out")
    content = html.escape((tmp_path / "out" / COMPARISON_PAGE).read_text())
    frames = "".join(
        f'<iframe srcdoc="{content}" style="width:{width}px;height:900px;border:0"></iframe>' for width in (900, 390)
    )
    page = tmp_path / "probed.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body>{frames}<script>onload = () => {{{PROBE}}}</script></body>")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += f"--disable-component-update --disable-sync --window-size=1400,950 --user-data-dir={tmp_path}/profile --dump-dom"
    done = subprocess.run([browser, *flags.split(), page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    screen, phone = json.loads(html.unescape(re.search(r'data-probe="([^"]*)"', done.stdout)[1]))
    for seen, width, letters in ((screen, 500, 14), (phone, 380, 7)):
        assert seen["overflow"] <= 0
        assert len(seen["plots"]) == 3
        assert all(across > width and down > 120 for across, down in seen["plots"])
        assert seen["letters"] > letters
        assert (seen["rows"], seen["labels"], seen["outside"]) == (21, 3, 0)


def test_two_tiny_models_are_evaluated_and_compared_on_the_data_that_ships(tiny_model, repository, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    from eval.config import EvalSettings
    from eval.scoring.evaluation_run import evaluate_model
    from spark_jobs.common.settings import load_settings

    other = shutil.copytree(tiny_model, tmp_path / "other")
    model = AutoModelForCausalLM.from_pretrained(other)
    torch.manual_seed(8)
    with torch.no_grad():
        model.lm_head.weight.normal_(0, 0.3)
    model.save_pretrained(other)
    settings = load_settings(EvalSettings, repository / "conf" / "eval" / "demo.yaml")
    for name, folder in (("base", tiny_model), ("leia", other)):
        changed = {"model": folder, "output_dir": tmp_path / name, "data_dir": repository / settings.data_dir}
        evaluate_model(settings.model_copy(update=changed))
    compare_models([str(tmp_path / "base"), str(tmp_path / "leia")], tmp_path / "out")
    text = (tmp_path / "out" / COMPARISON_MARKDOWN).read_text()
    assert "## leia against base, in points" in text
    assert text.count("| xcodah_") == text.count("| xcsqa_") == 3
    assert "| xcsqa, 3 languages | acc | 48 in 16 |" in text
