"""Files for contributors and tools: constraints, continuous integration, citation, changelog, issue forms."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import spark_jobs

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = [
    line for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
]
NOT_IN_DEV = {"wandb"}
"""Extras that `make setup` does not install."""


def yaml_of(path: str) -> Any:
    return yaml.safe_load((REPOSITORY / path).read_text(encoding="utf-8"))


def requirements() -> list[Requirement]:
    """The dependencies of `pyproject.toml` that `make setup` installs, without the project itself."""
    extras = [item for name, items in PROJECT["optional-dependencies"].items() if name not in NOT_IN_DEV for item in items]
    parsed = [Requirement(item) for item in [*PROJECT["dependencies"], *extras]]
    return [requirement for requirement in parsed if requirement.name != PROJECT["name"]]


@pytest.mark.parametrize("line", CONSTRAINTS)
def test_a_constraint_is_a_name_and_a_public_version(line: str) -> None:
    name, version = re.fullmatch(r"([A-Za-z0-9._-]+)==([^ ;+]+)", line).groups()
    assert str(Version(version)) == version
    assert canonicalize_name(name) not in {"leia-at-scale", "pip", "setuptools"}


def test_a_package_has_one_constraint() -> None:
    names = [canonicalize_name(line.partition("==")[0]) for line in CONSTRAINTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_the_tested_version_lies_within_the_bounds_of_the_dependency(requirement: Requirement) -> None:
    tested = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in CONSTRAINTS)}
    assert requirement.specifier.contains(tested[canonicalize_name(requirement.name)], prereleases=True)
    assert any(bound.operator in ("<", "<=", "==") for bound in requirement.specifier), "it needs an upper bound"


def test_setup_installs_the_tested_versions() -> None:
    script = (REPOSITORY / "setup.sh").read_text(encoding="utf-8")
    installs = [line for line in script.splitlines() if re.search(r"pip\"? install", line) and "install -q uv" not in line]
    installs = [line for line in installs if '"$VENV/bin/' in line and " fail " not in line]
    assert len(installs) == 4
    assert all('-c "$CONSTRAINTS"' in line for line in installs)


def test_continuous_integration_runs_every_python_of_the_classifiers() -> None:
    (job,) = yaml_of(".github/workflows/ci.yaml")["jobs"].values()
    classifiers = [item.rpartition(" ")[2] for item in PROJECT["classifiers"] if re.search(r":: Python :: 3\.\d+$", item)]
    assert job["strategy"]["matrix"]["python"] == classifiers
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_the_citation_names_this_version_and_the_paper() -> None:
    citation = yaml_of("CITATION.cff")
    assert str(citation["version"]) == spark_jobs.__version__
    assert citation["license"] == PROJECT["license"]
    (paper,) = citation["references"]
    assert [author["family-names"] for author in paper["authors"]] == ["Yamada", "Ri"]
    assert paper["identifiers"][0]["value"].removeprefix("arXiv:") in PROJECT["urls"]["Paper"]


def test_the_changelog_has_the_sections_of_keep_a_changelog() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases[1:])
    sections = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert set(sections) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_form_for_a_wrong_extraction_asks_for_wiki_title_and_wikitext() -> None:
    body = yaml_of(".github/ISSUE_TEMPLATE/wrong_extraction.yml")["body"]
    required = {field["id"] for field in body if field.get("validations", {}).get("required")}
    assert required >= {"wiki", "title", "wikitext"}


@pytest.mark.parametrize("hook", yaml_of(".pre-commit-config.yaml")["repos"][0]["hooks"], ids=lambda hook: hook["id"])
def test_hooks_run_tools_of_the_environment(hook: dict[str, Any]) -> None:
    assert hook["language"] == "system"
    assert hook["entry"].startswith(".venv/bin/")


PATHS = re.compile(r"(?<![\w/.-])((?:conf|docs|tests|spark_jobs|training|eval|benchmarks|docker)/[\w./-]*[\w/])")


@pytest.mark.parametrize(
    "page",
    [
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "Makefile",
        "setup.sh",
        "demo.sh",
        "dist.sh",
        "docker/check.sh",
        "docker/compose.yaml",
        "docker/spark.Dockerfile",
        "docker/train.Dockerfile",
    ],
)
def test_paths_that_are_named_exist(page: str) -> None:
    named = set(PATHS.findall((REPOSITORY / page).read_text(encoding="utf-8")))
    assert sorted(path for path in named if not (REPOSITORY / path).exists()) == []
