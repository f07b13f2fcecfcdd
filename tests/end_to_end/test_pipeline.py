"""The whole pipeline, run by its commands: build, training and evaluation on the sample (`make demo`) and on real dumps."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spark_jobs.contract.manifest import MANIFEST, read_manifest

REAL_WIKIS = ["jawiki", "elwiki", "ltgwiki", "zhwiki"]


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A temporary folder with the files that the commands of the README name by relative paths."""
    for name in ("conf", "training", "tests"):
        (tmp_path / name).symlink_to(repository / name)
    shutil.copy(repository / "demo.sh", tmp_path)
    return tmp_path


def run_command(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-5000:]
    return result.stdout + result.stderr


def read_losses(run_folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run_folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_the_demo_builds_trains_evaluates_and_writes_a_page(checkout) -> None:
    output = run_command(["bash", "demo.sh"], checkout)
    demo = checkout / "build" / "demo"
    found = read_losses(demo / "run")
    assert sum(found[-3:]) / 3 < 0.8 * sum(found[:3]) / 3
    for when in ("before", "after"):
        results = json.loads((demo / "eval" / when / "results.json").read_text())
        assert results
    page = (demo / "index.html").read_text(encoding="utf-8")
    assert "jawiki" in page
    assert "eswiki" in page
    assert "build/demo/index.html" in output
    for step in range(1, 8):
        assert f"[{step}/7]" in output


def read_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "_build.json"
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_pipeline_runs_on_four_real_wikis_and_gives_the_same_bytes_on_one_core(checkout, shared_data) -> None:
    build = [
        sys.executable,
        "-m",
        "spark_jobs.build",
        "--config",
        "conf/corpus/demo.yaml",
        "--set",
        f"dumps_dir={shared_data}/dumps",
    ]
    build += ["--set", f"wikis=[{','.join(REAL_WIKIS)}]"]
    for cores in (2, 1):
        run_command([*build, "--set", f"output_dir=real{cores}", "--set", f"spark.master=local[{cores}]"], checkout)
    corpus = checkout / "real2"
    two, one = read_files(corpus), read_files(checkout / "real1")
    assert two.keys() == one.keys()
    assert [name for name in two if two[name] != one[name]] == []
    assert sum(name.endswith(MANIFEST) for name in two) == 6 * len(REAL_WIKIS)

    pages = {"jawiki": 238, "elwiki": 933, "ltgwiki": 2004, "zhwiki": 33}
    for wiki in REAL_WIKIS:
        articles, rejects = (read_manifest(corpus / table / f"wiki={wiki}") for table in ("articles", "rejects"))
        assert articles.counters["pages"] == pages[wiki]
        assert articles.counters["pages"] == articles.counters["other_namespaces"] + articles.rows + rejects.rows
        assert read_manifest(corpus / "augmented" / f"wiki={wiki}").counters["links_with_name.en"] > 100

    overrides = ["tokenizer=real2/encoded/tokenizer=mistral-7b-v0.1/_tokenizer", "output_dir=base"]
    run_command(
        [sys.executable, "-m", "training.tiny", "--config", "conf/train/tiny_model.yaml", *set_options(overrides)], checkout
    )
    overrides = ["data.corpus=real2", f"data.wikis=[{','.join(REAL_WIKIS)}]", "model.path=base", "output_dir=run", "steps=12"]
    train = ["deepspeed", "--num_accelerators", "2", "training/train.py", "--config", "conf/train/tiny.yaml"]
    run_command([*train, *set_options(overrides)], checkout)
    found = read_losses(checkout / "run")
    assert sum(found[-3:]) < sum(found[:3])
    overrides = ["model=run/model", f"data_dir={shared_data}/eval/xcsr", "output_dir=scores", "languages=[ja, zh]"]
    run_command([sys.executable, "-m", "eval.run", "--config", "conf/eval/demo.yaml", *set_options(overrides)], checkout)
    assert "xcsqa_zh" in (checkout / "scores" / "results.json").read_text()


def set_options(overrides: list[str]) -> list[str]:
    return [part for override in overrides for part in ("--set", override)]
