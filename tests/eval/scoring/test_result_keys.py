"""The conditions under which a task is scored again."""

import shutil
from importlib.metadata import version

import pytest

from eval.results.evaluation_results import read_results
from eval.scoring.evaluation_run import evaluate_model
from spark_jobs.common.errors import ConfigurationError


@pytest.mark.parametrize("change", [{"limit": 3}, {"seed": 1}, {"dtype": "bfloat16"}, {"num_fewshot": 1}])
def test_another_configuration_runs_a_task_again(make_settings, change):
    evaluate_model(make_settings(tasks=["xcsqa_ja"], num_fewshot=0))
    key = read_results(make_settings().output_dir).tasks["xcsqa_ja"].key
    evaluate_model(make_settings(**{"tasks": ["xcsqa_ja"], "num_fewshot": 0} | change))
    assert read_results(make_settings().output_dir).tasks["xcsqa_ja"].key != key


def test_changed_data_run_a_task_again(make_settings, xcsr, tmp_path):
    data_dir = tmp_path / "data"
    shutil.copytree(xcsr, data_dir)
    evaluate_model(make_settings(data_dir=data_dir))
    path = data_dir / "X-CODAH" / "jap" / "dev.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    evaluate_model(make_settings(data_dir=data_dir))
    assert read_results(make_settings().output_dir).tasks["xcodah_ja"].n == 4


@pytest.mark.parametrize("package", ["lm_eval", "transformers", "tokenizers", "scoring", "torch"])
def test_scoring_packages_are_part_of_the_key_and_kept_results_keep_their_versions(make_settings, monkeypatch, package):
    evaluate_model(make_settings())
    first = read_results(make_settings().output_dir).tasks["xcodah_ja"]
    if package == "scoring":
        monkeypatch.setattr("eval.scoring.result_keys.SCORING_VERSION", "next")
    else:
        monkeypatch.setattr("eval.scoring.result_keys.version", lambda name: "999" if name == package else version(name))
    evaluate_model(make_settings(tasks=["xcodah_ja", "xcodah_en"]))
    tasks = read_results(make_settings().output_dir).tasks
    if package == "torch":  # it changes rounding alone
        assert tasks["xcodah_ja"] == first
        assert (first.versions["torch"], tasks["xcodah_en"].versions["torch"]) == (version("torch"), "999")
        assert f"torch {', '.join(sorted([version('torch'), '999']))}" in (make_settings().output_dir / "results.md").read_text()
    else:
        assert tasks["xcodah_ja"].key != first.key


def test_changed_data_of_the_hub_are_refused_and_once_accepted_run_a_task_again(make_settings, hub):
    served = {"data_dir": None, "tasks": ["xcodah_ja", "xcodah_en"], "limit": 4}
    evaluate_model(make_settings(**served))
    first = read_results(make_settings().output_dir).tasks
    path = hub / "X-CODAH-jap" / "validation.jsonl"
    *lines, last = path.read_text().splitlines()
    path.write_text("\n".join([*lines, last.replace("item299", "other")]))
    shutil.rmtree(hub.parents[1] / "cache")  # it identifies files of the hub by commit, and files of a folder by name
    with pytest.raises(ConfigurationError, match=r"xcodah_ja: .* has changed: .* holds \w{64} of an earlier reading"):
        evaluate_model(make_settings(**served))
    lock = make_settings().data_lock
    lock.write_text("".join(line for line in lock.read_text().splitlines(keepends=True) if "jap" not in line))
    evaluate_model(make_settings(**served))
    second = read_results(make_settings().output_dir).tasks
    assert second["xcodah_en"] == first["xcodah_en"]
    before, after = first["xcodah_ja"].data, second["xcodah_ja"].data
    assert (before["hub"], before["revision"]) == (after["hub"], after["revision"]) == ("INK-USC/xcsr", "main")
    assert before["items_sha256"] != after["items_sha256"]


def test_the_hash_of_items_does_not_depend_on_their_source(make_settings, hub):
    local = hub.parents[1] / "data" / "X-CODAH" / "jap" / "dev.jsonl"
    local.parent.mkdir(parents=True)
    shutil.copy(hub / "X-CODAH-jap" / "validation.jsonl", local)
    evaluate_model(make_settings(data_dir=local.parents[2], limit=2))
    read = read_results(make_settings().output_dir).tasks["xcodah_ja"].data
    evaluate_model(make_settings(data_dir=None, limit=2))
    served = read_results(make_settings().output_dir).tasks["xcodah_ja"].data
    assert set(read) == {"validation_file", "validation_sha256", "items_sha256"}
    assert set(served) == {"hub", "revision", "items_sha256"}  # a folder has no commit
    assert read["items_sha256"] == served["items_sha256"]
