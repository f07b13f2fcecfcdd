"""The standard tasks run through plain lm-eval, with its own model class, and give the scores that eval.run gives."""

import json
import subprocess
import sys

import pytest

from eval.config import EvalSettings
from eval.results.evaluation_results import read_results
from eval.results.item_records import read_records
from eval.scoring.evaluation_run import evaluate_model
from eval.tasks.task_catalogue import tasks_folder

TASKS = ["xcodah_en", "xcsqa_en", "xcsqa_ja"]


def test_the_command_of_lm_eval_gives_the_same_scores(tiny_model, xcsr, tmp_path, repository):
    model = f"pretrained={tiny_model},add_bos_token=True,softmax_dtype=float32"
    command = [
        sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args", model, "--device", "cpu", "--batch_size", "4",
        "--include_path", str(tasks_folder()), "--tasks", ",".join(TASKS), "--num_fewshot", "2", "--seed", "0,0,0,42",
        "--metadata", json.dumps({"data_dir": str(xcsr)}), "--output_path", str(tmp_path / "plain"), "--log_samples",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    evaluate_model(
        EvalSettings(model=tiny_model, tasks=TASKS, data_dir=xcsr, output_dir=tmp_path / "ours", device="cpu", num_fewshot=2)
    )
    results = read_results(tmp_path / "ours").tasks
    (plain,) = (json.loads(path.read_text())["results"] for path in (tmp_path / "plain").rglob("results_*.json"))
    for name in TASKS:
        for metric, score in results[name].scores.items():
            assert plain[name][f"{metric},none"] == pytest.approx(score.value)
        (path,) = (tmp_path / "plain").rglob(f"samples_{name}_*.jsonl")
        samples = sorted((json.loads(line) for line in path.open()), key=lambda sample: sample["doc_id"])
        for sample, record in zip(samples, read_records(tmp_path / "ours", name), strict=True):
            assert record.loglikelihoods == pytest.approx([float(answer[0]) for answer in sample["filtered_resps"]], rel=1e-4)
            assert record.prompt_hash == sample["prompt_hash"]
