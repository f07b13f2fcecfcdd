"""Imports without the dependencies of other parts, the engine in a zip, and `--help` of every command."""

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

PACKAGES = ("spark_jobs", "training", "eval")
COMMANDS = [
    "spark_jobs.download",
    "spark_jobs.build",
    "spark_jobs.extract",
    "spark_jobs.align",
    "spark_jobs.augment",
    "spark_jobs.encode",
    "spark_jobs.card",
    "spark_jobs.describe",
    "spark_jobs.render",
    "training.train",
    "training.tiny",
    "training.preview",
    "training.verify_data",
    "eval.run",
    "eval.cities",
    "eval.summary",
]
"""Commands with `--config` and `--set`."""
OTHER_COMMANDS = ["spark_jobs.contract", "spark_jobs.explain", "training.run_page", "eval.compare", "eval.knowledge"]

SPARK_ROOMS = ("spark_jobs.stages", "spark_jobs.runtime", "spark_jobs.sources")
SPARK_COMMANDS = {f"spark_jobs.{name}" for name in ("build", "extract", "align", "augment", "encode", "describe", "render")}


def modules(repository: Path, package: str) -> list[str]:
    files = sorted((repository / package).rglob("*.py"))
    names = [".".join(file.relative_to(repository).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names if ".tasks." not in name]


def blocked(names: Iterable[str]) -> str:
    """Code that makes the import of the named packages fail."""
    return "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in names)


def python(code: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment}, check=False
    )


def test_no_module_hides_one_of_python_or_of_a_dependency(repository) -> None:
    taken = set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions())
    own = {name.split(".")[-1] for package in PACKAGES for name in modules(repository, package)}
    assert own & (taken - set(PACKAGES)) - set(PACKAGES) == set()


@pytest.mark.parametrize(
    ("package", "absent"),
    [
        ("spark_jobs", ["torch", "transformers", "deepspeed", "lm_eval"]),
        ("training", ["pyspark", "lxml", "lm_eval", "pandas"]),
        ("eval", ["pyspark", "lxml", "deepspeed"]),
    ],
)
def test_each_part_imports_without_what_the_others_need(repository, package: str, absent: list[str]) -> None:
    imports = "".join(f"import {name}\n" for name in modules(repository, package))
    result = python(blocked(absent) + imports)
    assert result.returncode == 0, result.stderr


def needs_spark(module: str) -> bool:
    """Whether a module of the engine may import pyspark: the rooms around Spark, and the entry points that start a session."""
    return module.startswith(SPARK_ROOMS) or module in SPARK_COMMANDS


def test_all_modules_outside_the_spark_rooms_import_without_pyspark(repository) -> None:
    names = [name for name in modules(repository, "spark_jobs") if not needs_spark(name)]
    assert {"spark_jobs.card", "spark_jobs.download", "spark_jobs.explain", "spark_jobs.contract.__main__"} <= set(names)
    assert "spark_jobs.dumps.remote.transfer_progress" in names
    # Each module alone, so that none depends on what another has imported.
    code = blocked(["pyspark", "py4j"]) + (
        "import importlib, traceback\n"
        "failed = False\n"
        f"for name in {names!r}:\n"
        "    for loaded in [loaded for loaded in sys.modules if loaded.partition('.')[0] == 'spark_jobs']:\n"
        "        del sys.modules[loaded]\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError:\n"
        "        failed = True\n"
        "        traceback.print_exc()\n"
        "sys.exit(failed)\n"
    )
    result = python(code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "module", ["spark_jobs.contract.table_schemas", "spark_jobs.contract.manifest", "spark_jobs.common.settings"]
)
def test_the_contract_imports_with_the_base_dependencies_alone(module: str) -> None:
    absent = ["pyspark", "torch", "lxml", "pandas", "transformers", "tokenizers", "jinja2"]
    result = python(blocked(absent) + f"import {module}\n")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 11, 4)])
def test_a_python_whose_regular_expressions_match_wrongly_is_refused(version: tuple[int, ...]) -> None:
    result = python(f"import sys\nsys.version_info = {(*version, 'final', 0)}\nimport spark_jobs.contract.table_schemas")
    assert result.returncode == 1
    assert "3.11.5 or newer is needed, on the workers of a cluster too" in result.stderr


def test_the_engine_works_from_a_zip(repository, tmp_path) -> None:
    archive = tmp_path / "spark_jobs.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for file in sorted((repository / "spark_jobs").rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                target.write(file, file.relative_to(repository))
    code = (
        "import spark_jobs, spark_jobs.publishing.code_version as c\n"
        "from spark_jobs.wikis import load_profile\n"
        "from spark_jobs.wikitext import extract\n"
        f"assert spark_jobs.__file__.startswith({str(archive)!r}), spark_jobs.__file__\n"
        "print(extract('[[犬]]と[[猫|ねこ]]', load_profile('jawiki')).text, c.code_version())\n"
    )
    result = python(code, cwd=tmp_path, PYTHONPATH=str(archive))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("犬とねこ ")


def help_of(command: str, cwd: Path) -> str:
    environment = {**os.environ, "COLUMNS": "120"}
    line = [sys.executable, "-m", command, "--help"]
    result = subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    return re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)


@pytest.mark.parametrize("command", OTHER_COMMANDS)
def test_help_of_a_command_without_configuration_keys_shows_its_usage(command: str, tmp_path) -> None:
    text = help_of(command, tmp_path)
    assert f"Usage: python -m {command} [OPTIONS]" in text
    assert "--help" in text
    assert not re.findall("Annotated|FieldInfo|typing|NoneType|PosixPath|<class", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_usage_options_and_all_configuration_keys(command: str, tmp_path) -> None:
    text = help_of(command, tmp_path)
    assert "--config" in text
    assert "--set" in text
    assert "Keys of the configuration" in text
    assert f"Usage: python -m {command} [OPTIONS]" in text
    assert not re.findall("Annotated|FieldInfo|typing|NoneType|PosixPath|<class", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_configuration_is_an_error_in_one_line(command: str, tmp_path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", command, "--config", "none.yaml"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert result.returncode == 2
    assert "none.yaml: there is no such file" in result.stderr
    assert "Traceback" not in result.stderr


def test_conf_holds_no_code_and_every_yaml_of_an_entry_point_is_valid(repository, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(repository))  # benchmarks/ is not installed
    from eval.config import CitySettings, EvalSettings, SummarySettings
    from spark_jobs.common.settings import load_settings
    from spark_jobs.config import CorpusSettings, RenderSettings
    from training.config import TrainSettings
    from training.model.tiny_model import TinyModelSettings

    models = {
        "corpus/*.yaml": CorpusSettings,
        "render/*.yaml": RenderSettings,
        "train/tiny_model.yaml": TinyModelSettings,
        "train/tiny.yaml": TrainSettings,
        "train/llama2-7b*.yaml": TrainSettings,
        "train/swallow-7b*.yaml": TrainSettings,
        "eval/summary.yaml": SummarySettings,
        "eval/demo.yaml": EvalSettings,
        "eval/xcsr.yaml": EvalSettings,
        "eval/reference.yaml": EvalSettings,
        "eval/knowledge.yaml": EvalSettings,
        "eval/cities.yaml": CitySettings,
        "experiment/*.yaml": importlib.import_module("benchmarks.transfer.experiment_settings").ExperimentSettings,
    }
    left_open = {"llama2-7b.yaml": ["data.wikis=[jawiki]", "data.corpus=build/jawiki", "output_dir=build/run"]}
    checked = set()
    for pattern, model in models.items():
        for file in (repository / "conf").glob(pattern):
            load_settings(model, file, left_open.get(file.name, []))
            checked.add(file)
    launchers = set((repository / "conf/launch").glob("*.yaml"))  # Kubernetes's; tests/test_docs.py looks at them
    assert set((repository / "conf").rglob("*.yaml")) - launchers == checked
    kinds = ("", ".yaml", ".json", ".conf", ".sbatch")
    assert not [file for file in (repository / "conf").rglob("*") if file.suffix not in kinds]
