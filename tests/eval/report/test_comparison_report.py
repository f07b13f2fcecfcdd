"""`python -m eval.compare`: pairing, verdicts, the three outputs, and the page in a real browser."""

import html
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.analysis.findings import contrasts
from eval.analysis.pairing import pair, parse_model, read_model
from eval.compare import MARKDOWN, PAGE, app, main
from spark_jobs.common.errors import ConfigurationError

from .evaluations import answer, write_evaluation

LANGUAGES = ["en", "ja", "ar"]
N = 200


def write(folder, fingerprint, scores, **options):
    """An evaluation; `scores` holds each task's right answers, by name."""
    tasks = {name: [answer(place, right) for place, right in enumerate(values)] for name, values in scores.items()}
    return write_evaluation(folder, fingerprint, tasks, **options)


def write_all(folder):
    """base, ft (like base) and two runs of leia (above them in Japanese and Arabic, in English the same)."""
    generator = np.random.default_rng(4)
    base = {f"xcsqa_{language}": generator.random(N) < 0.4 for language in LANGUAGES}
    few = {f"xcodah_{language}": generator.random(20) < 0.5 for language in ("en", "ja")}

    def changed(scores, share):
        return {name: np.where(generator.random(len(old)) < share.get(name[-2:], 0), 1, old) for name, old in scores.items()}

    return [
        str(write(folder / "base", "aaa", base | few)),
        str(write(folder / "ft", "bbb", changed(base, {"ja": 0.01}) | few)),
        "leia=" + ",".join(
            str(write(folder / f"leia{run}", f"ccc{run}", changed(base, {"ja": 0.4, "ar": 0.4}) | few))
            for run in (1, 2)
        ),
    ]  # fmt: skip


@pytest.fixture
def evaluations(tmp_path):
    return write_all(tmp_path)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("a/base", ("base", 1)), ("x=a", ("x", 1)), ("leia=a/1,a/2,a/3", ("leia", 3))],
)
def test_an_argument_is_a_folder_or_a_label_with_folders(argument, expected):
    label, folders = parse_model(argument)
    assert (label, len(folders)) == expected


@pytest.mark.parametrize("argument", ["", "x=", "=a", "x=,"])
def test_an_argument_without_a_folder_or_label_is_refused(argument):
    with pytest.raises(ConfigurationError, match="expected DIR or LABEL=DIR"):
        parse_model(argument)


def test_one_model_is_no_comparison(evaluations, tmp_path):
    with pytest.raises(ConfigurationError, match="takes two models or more"):
        main(evaluations[:1], tmp_path / "out")


def test_a_missing_evaluation_is_named(evaluations, tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere/results.json does not exist"):
        main([evaluations[0], str(tmp_path / "nowhere")], tmp_path / "out")


def test_equal_labels_and_equal_models_are_refused(evaluations):
    base = evaluations[0]
    with pytest.raises(ConfigurationError, match="labels must differ, and are base, base"):
        pair([read_model(base), read_model(base)])
    with pytest.raises(ConfigurationError, match="are of one and the same model"):
        read_model(f"x={base},{base}")


@pytest.mark.parametrize("change", [{"scoring": "reference"}])
def test_other_conditions_are_refused_with_what_differs(evaluations, tmp_path, change):
    other = write(tmp_path / "other", "ddd", {"xcsqa_ja": np.ones(N)}, **change)
    with pytest.raises(ConfigurationError, match=r"xcsqa_ja was not evaluated alike, the two differ in scoring"):
        pair([read_model(evaluations[0]), read_model(str(other))])


def test_a_metric_is_compared_where_a_task_has_it_and_one_that_none_has_is_refused(evaluations):
    models = [read_model(argument) for argument in evaluations[:2]]
    assert {task.metric for task in pair(models, "acc_norm")} == {"acc_norm"}
    with pytest.raises(ConfigurationError, match=r"metric: 'acc_nrom' is no score of these tasks; there are acc, acc_norm"):
        pair(models, "acc_nrom")


def test_no_task_in_common_and_lost_records_are_named(evaluations, tmp_path):
    other = write(tmp_path / "other", "ddd", {"niilc_ja": np.ones(3)})
    with pytest.raises(ConfigurationError, match="base, other have no task in common"):
        pair([read_model(evaluations[0]), read_model(str(other))])
    shutil.rmtree(tmp_path / "ft" / "samples")
    with pytest.raises(
        ConfigurationError, match=r"ft/samples/xcsqa_en\.jsonl does not exist: .* have lost their items; run python"
    ):
        pair([read_model(argument) for argument in evaluations[:2]])


def test_records_that_are_not_those_of_the_scores_are_refused(evaluations, tmp_path):
    """What a run leaves that is killed after it wrote the records of another configuration and before their scores."""
    shutil.copy(tmp_path / "base" / "samples" / "xcsqa_ja.jsonl", tmp_path / "ft" / "samples" / "xcsqa_ja.jsonl")
    with pytest.raises(ConfigurationError, match=r"ft/samples/xcsqa_ja\.jsonl holds other records than those that the results"):
        pair([read_model(argument) for argument in evaluations[:2]])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    models = [read_model(argument) for argument in write_all(tmp_path_factory.mktemp("evaluations"))]
    return contrasts(pair(models), [model.label for model in models])


def test_each_model_is_compared_with_all_before_it(found):
    assert [(contrast.first, contrast.second, contrast.runs) for contrast in found] == [
        ("base", "ft", (1, 1)), ("base", "leia", (1, 2)), ("ft", "leia", (1, 2)),
    ]  # fmt: skip


def test_a_benchmark_clusters_its_translations(found):
    assert [(f.name, f.difference.items, f.difference.clusters) for f in found[0].benchmarks] == [
        ("xcsqa, 3 languages", 600, 200), ("xcodah, 2 languages", 40, 20),
    ]  # fmt: skip


def test_the_verdict_says_what_is_shown_and_what_is_not(found):
    ft, leia, _ = found
    assert re.match(
        r"No difference between ft and base is shown in 5 tasks after Holm's correction\. A single test would", ft.verdict[0]
    )
    assert [f.name for f in leia.tasks if f.is_shown] == ["xcsqa_ja", "xcsqa_ar"]
    assert leia.verdict[0].startswith(
        "leia is above base in 2 of 5 tasks, at 5 % after Holm's correction, in points: xcsqa_ja +2"
    )
    assert any(sentence.startswith("xcsqa, 3 languages together: +1") for sentence in leia.verdict)
    assert any("In English (2 tasks), xcodah_en is the least certain: +0.0" in sentence for sentence in leia.verdict)
    assert "One training run of base:" in leia.verdict[-1]
    assert "One training run of base and of ft:" in ft.verdict[-1]


def test_points_are_the_difference_of_the_means_and_runs_count_alike(found):
    for contrast in found:
        for finding in (*contrast.tasks, *contrast.benchmarks):
            assert finding.difference.points == pytest.approx(finding.second - finding.first)
            assert finding.p_holm >= finding.difference.p
            assert finding.difference.low <= finding.difference.points <= finding.difference.high


def test_console_markdown_and_page_tell_the_same(evaluations, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    main(evaluations, tmp_path / "out")
    shown = capsys.readouterr().out
    markdown, page = (tmp_path / "out" / MARKDOWN).read_text(), (tmp_path / "out" / PAGE).read_text()
    figures = re.findall(r"\| (xc\w+) \| acc \| \d+ \| [\d.]+ → [\d.]+: ([+-][\d.]+)", markdown)
    assert len(figures) == 15
    for name, points in figures:
        assert name in shown
        assert points in shown
        assert points in page
    assert "leia is above base in 2 of 5 tasks" in " ".join(shown.split())
    assert "leia is above base in 2 of 5 tasks" in page


def test_a_reproduction_stands_beside_what_was_published(tmp_path):
    right = np.array([1] * 40 + [0] * 60)
    ours = write(tmp_path / "ours", "aaa", {"xcsqa_ja_reference": right}, scoring="reference", reported="swallow-7b")
    other = write(tmp_path / "other", "bbb", {"xcsqa_ja_reference": 1 - right}, scoring="reference")
    main([str(ours), str(other)], tmp_path / "out")
    assert "| xcsqa_ja_reference | 0 | 41.0 | 40.0 | -1.0 |" in (tmp_path / "out" / MARKDOWN).read_text()
    assert "ours beside Swallow-7B as published" in (tmp_path / "out" / PAGE).read_text()


def test_of_several_runs_the_mean_stands_beside_what_was_published_and_every_test_is_named(tmp_path):
    rights = [np.array([1] * n + [0] * (100 - n)) for n in (40, 50)]
    runs = [
        write(tmp_path / f"run{at}", f"r{at}", {"xcsqa_ja_reference": right}, scoring="reference", reported="swallow-7b")
        for at, right in enumerate(rights)
    ]
    base, other = (
        write(tmp_path / name, name, {"xcsqa_ja_reference": 1 - right}, scoring="reference")
        for name, right in zip(("base", "other"), rights, strict=True)
    )
    main([str(base), str(other), f"leia={runs[0]},{runs[1]}"], tmp_path / "out")
    text, page = ((tmp_path / "out" / name).read_text() for name in (MARKDOWN, PAGE))
    assert "## leia, mean of 2 runs beside Swallow-7B as published" in text
    assert "| xcsqa_ja_reference | 0 | 41.0 | 45.0 | +4.0 |" in text
    assert "<dd>exact McNemar, permutation and runs</dd>" in page


def test_runs_that_are_pairs_are_as_many_on_either_side(tmp_path):
    rights = [np.array([1] * n + [0] * (10 - n)) for n in (2, 4, 7, 5)]
    folders = [write(tmp_path / str(at), str(at), {"xcsqa_ja": right}) for at, right in enumerate(rights)]
    main([f"base={folders[0]},{folders[1]}", f"leia={folders[2]},{folders[3]}"], tmp_path / "out", paired_runs=True)
    assert "permutation and paired runs" in (tmp_path / "out" / PAGE).read_text()
    with pytest.raises(ConfigurationError, match=r"--paired-runs: models have different numbers of runs \(base 1, leia 2\)"):
        main([f"base={folders[0]}", f"leia={folders[2]},{folders[3]}"], tmp_path / "out", paired_runs=True)


def test_a_mistake_on_the_command_line_ends_in_a_sentence(evaluations, tmp_path):
    done = CliRunner().invoke(app, [evaluations[0], str(tmp_path / "none"), "--output", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "error:" in done.stderr
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_ends_in_files(evaluations, tmp_path, repository):
    command = [sys.executable, "-m", "eval.compare", *evaluations, "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [PAGE, MARKDOWN]


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


def test_a_browser_shows_every_plot_without_overflow_on_a_screen_and_on_a_phone(evaluations, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    main(evaluations, tmp_path / "out")
    content = html.escape((tmp_path / "out" / PAGE).read_text())
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
    from eval.run import main as evaluate
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
        evaluate(settings.model_copy(update=changed))
    main([str(tmp_path / "base"), str(tmp_path / "leia")], tmp_path / "out")
    text = (tmp_path / "out" / MARKDOWN).read_text()
    assert "## leia against base, in points" in text
    assert text.count("| xcodah_") == text.count("| xcsqa_") == 3
    assert "| xcsqa, 3 languages | acc | 48 in 16 |" in text
