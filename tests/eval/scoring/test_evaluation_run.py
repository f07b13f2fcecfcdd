"""A run: the files that it writes, the results that it keeps, and the mistakes that it reports before slow imports."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records
from eval.scoring.evaluation_run import evaluate_model
from eval.scoring.model_fingerprint import model_fingerprint
from eval.scoring.result_keys import SCORING_VERSION
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": Path("no/such")}, "model: there is no folder no/such (current folder: "),
        ({"tasks": ["xcsqa_jp"]}, "tasks: 'xcsqa_jp' is neither a task nor a tag. did you mean"),
        ({"tasks": ["xcsqa_ur"]}, "data_dir: xcsqa_ur reads "),
        ({"languages": ["jap"]}, "languages: no task is in 'jap'"),
    ],
)
def test_a_mistake_is_reported_with_its_remedy(make_settings, change, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        evaluate_model(make_settings(**change))


def test_a_mistake_is_reported_before_the_slow_imports(make_settings, repository):
    program = (
        "import sys\n"
        "from eval.scoring.evaluation_run import evaluate_model\n"
        "from eval.config import EvalSettings\n"
        "from spark_jobs.common.errors import ConfigurationError\n"
        "try:\n"
        "    evaluate_model(EvalSettings(model='no/such', tasks=['xcodah_ja'], output_dir='o'))\n"
        "except ConfigurationError:\n"
        "    print(sorted({'torch', 'transformers', 'lm_eval', 'datasets', 'pyspark'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_writes_scores_item_records_and_the_resolved_configuration(make_settings, capsys):
    wanted = make_settings(tasks=["xcodah", "xcsqa"], languages=["ja", "en"], num_fewshot=2)
    evaluate_model(wanted)
    output_dir = wanted.output_dir
    files = sorted(str(path.relative_to(output_dir)) for path in output_dir.rglob("*") if path.is_file())
    names = ["xcodah_ja", "xcodah_en", "xcsqa_ja", "xcsqa_en"]
    assert files == sorted(["config.yaml", "results.json", "results.md", *(f"samples/{name}.jsonl" for name in names)])
    assert load_settings(EvalSettings, output_dir / "config.yaml") == wanted
    results = read_results(output_dir)
    assert list(results.tasks) == names
    assert [results.tasks[name].num_fewshot for name in names] == [0, 0, 2, 2]
    assert results.model["fingerprint"] == model_fingerprint(wanted.model)
    for name, task in results.tasks.items():
        assert {"lm_eval", "transformers", "tokenizers", "torch"} <= set(task.versions)
        assert (task.scoring_version, task.dtype) == (SCORING_VERSION, "float32")
        records = (output_dir / "samples" / f"{name}.jsonl").read_bytes()
        assert task.samples_sha256 == hashlib.sha256(records).hexdigest()
    assert len(read_records(output_dir, "xcsqa_en")) == 6
    table = shown(capsys)
    for number, name in enumerate(names, start=1):
        assert f"{number} of 4: {name}, acc " in table  # a log without a bar
        assert f"│ {name} │" in table
        assert f"| {name} | standard |" in (output_dir / "results.md").read_text()


def shown(capsys) -> str:
    """The console output on one line."""
    return " ".join(capsys.readouterr().out.split())


def seconds_of(output_dir: Path) -> dict[str, float]:
    """Wall time of each task: equal only if the task was not run again."""
    return {name: task.seconds for name, task in read_results(output_dir).tasks.items()}


def test_a_finished_task_is_not_run_again(make_settings, capsys, monkeypatch):
    evaluate_model(make_settings())
    first = seconds_of(make_settings().output_dir)
    monkeypatch.setattr("eval.scoring.evaluation_run.load_tasks", None)  # a call would fail
    evaluate_model(make_settings(batch_size=3))
    assert "1 of 1 tasks were finished before with this model and configuration: keeping their results" in shown(capsys)
    assert seconds_of(make_settings().output_dir) == first


def test_a_new_task_is_run_and_a_finished_one_kept(make_settings):
    evaluate_model(make_settings())
    first = seconds_of(make_settings().output_dir)
    evaluate_model(make_settings(tasks=["xcodah_en", "xcodah_ja"]))
    second = seconds_of(make_settings().output_dir)
    assert second["xcodah_ja"] == first["xcodah_ja"]
    assert set(second) == {"xcodah_ja", "xcodah_en"}


def test_results_of_another_model_are_replaced(make_settings, tiny_model, tmp_path, capsys):
    evaluate_model(make_settings(tasks=["xcodah_en"]))
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-3}))
    evaluate_model(make_settings(model=model))
    assert "holds results of another model: they are replaced" in shown(capsys)
    assert list(read_results(make_settings().output_dir).tasks) == ["xcodah_ja"]


def test_a_task_without_its_item_records_is_run_again(make_settings):
    evaluate_model(make_settings())
    records = make_settings().output_dir / "samples" / "xcodah_ja.jsonl"
    before = records.read_text()
    records.unlink()
    evaluate_model(make_settings())
    assert records.read_text() == before


def test_a_task_whose_item_records_do_not_match_its_scores_is_run_again(make_settings):
    """As after a run that was killed between writing the records of another configuration and their scores."""
    output_dir, other = make_settings().output_dir, make_settings().output_dir.with_name("other")
    evaluate_model(make_settings())
    key = read_results(output_dir).tasks["xcodah_ja"].key
    path = output_dir / "samples" / "xcodah_ja.jsonl"
    records = path.read_text()
    evaluate_model(make_settings(output_dir=other, limit=3))
    shutil.copy(other / "samples" / "xcodah_ja.jsonl", path)
    assert path.read_text() != records
    evaluate_model(make_settings())
    assert path.read_text() == records
    assert read_results(output_dir).tasks["xcodah_ja"].key == key


@pytest.mark.parametrize("batch_size", [4, "auto"])
@pytest.mark.parametrize("task", ["xcodah_ja", "xcsqa_ja"])
def test_the_bar_counts_every_candidate_once_and_lm_eval_prints_nothing(make_settings, monkeypatch, capfd, task, batch_size):
    from rich.progress import Progress

    counted = []
    advance = Progress.advance
    monkeypatch.setattr(Progress, "advance", lambda self, *moved: (counted.append(moved[-1]), advance(self, *moved)))
    evaluate_model(make_settings(tasks=[task], num_fewshot=0, batch_size=batch_size))
    assert sum(counted) == 6 * (4 if task == "xcodah_ja" else 5)
    output = capfd.readouterr()
    assert "batch" not in output.out + output.err


def test_a_stopped_run_keeps_its_finished_tasks(make_settings, monkeypatch):
    import eval.scoring.evaluation_run

    score_task = eval.scoring.evaluation_run.score_task

    def stop_at_the_second(request, *arguments):
        if request.name == "xcodah_en":
            raise KeyboardInterrupt
        return score_task(request, *arguments)

    monkeypatch.setattr("eval.scoring.evaluation_run.score_task", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        evaluate_model(make_settings(tasks=["xcodah_ja", "xcodah_en"]))
    assert list(read_results(make_settings().output_dir).tasks) == ["xcodah_ja"]
