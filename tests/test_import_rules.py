"""The import rules of `pyproject.toml` reject what they are meant to reject: violations are injected into a copy of the code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("spark_jobs", "training", "eval")
VIOLATIONS = {
    "training imports an internal module of the data engine": ("training/data/injected.py", "spark_jobs.dumps"),
    "eval imports an internal module of the data engine": ("eval/analysis/injected.py", "spark_jobs.wikitext"),
    "eval imports training": ("eval/results/injected.py", "training.config"),
    "training imports eval": ("training/loop/injected.py", "eval.config"),
    "the data engine imports training": ("spark_jobs/reports/injected.py", "training.config"),
    "wikitext imports dumps": ("spark_jobs/wikitext/injected.py", "spark_jobs.dumps"),
    "a lower room imports a higher one": ("spark_jobs/contract/injected.py", "spark_jobs.publishing"),
    "a pure module imports pyspark": ("spark_jobs/linking/injected.py", "pyspark"),
    "a report imports pyspark": ("spark_jobs/reports/injected_too.py", "pyspark"),
    "the data engine imports torch": ("spark_jobs/tokens/injected.py", "torch"),
    "the stream imports torch": ("training/stream/injected.py", "torch"),
    "lxml is imported outside dumps": ("spark_jobs/extraction/injected.py", "lxml"),
    "a stage imports an entry point": ("spark_jobs/stages/injected.py", "spark_jobs.build"),
    "planning imports an entry point": ("training/planning/injected.py", "training.train"),
    "a report of eval imports an entry point": ("eval/report/injected.py", "eval.run"),
    "the loop imports the report": ("training/loop/injected_too.py", "training.report"),
    "data imports the stream": ("training/data/injected_too.py", "training.stream"),
    "a new module of the data engine is not placed in a layer": ("spark_jobs/injected.py", "json"),
    "a new module of training is not placed in a layer": ("training/injected.py", "json"),
    "a new module of eval is not placed in a layer": ("eval/injected.py", "json"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "1000", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def code(repository: Path, tmp_path: Path) -> Path:
    """A copy of the three packages and of the rules."""
    shutil.copy(repository / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(repository / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_code_keeps_the_rules(code: Path) -> None:
    result = lint(code)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_violation_is_rejected_and_named(code: Path, what: str) -> None:
    file, imported = VIOLATIONS[what]
    assert not (code / file).exists(), "the injected module must be new"
    (code / file).write_text(f"import {imported}\n")
    result = lint(code)
    module = file.removesuffix(".py").replace("/", ".")
    place = f"- {module}" if what.endswith("not placed in a layer") else f"{module} -> {imported} (l.1)"
    assert result.returncode == 1
    assert place in result.stdout
