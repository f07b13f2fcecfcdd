"""The record of a build of the corpus, <corpus>/_build.json."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from eval.results.input_checks import require_path, summarize_validation_error
from spark_jobs.common.errors import ConfigurationError

BUILD = "_build.json"


class BuiltWiki(BaseModel):
    """Counts of one wiki: pages = other_namespaces + articles + redirects + rejects."""

    pages: int
    other_namespaces: int
    articles: int
    redirects: int
    rejects: int
    links: int
    links_with_name: dict[str, int]
    """Language of the name to number of links."""
    characters: int
    tokens: int


class BuiltStage(BaseModel):
    """One stage of the build."""

    stage: str
    seconds: float
    skipped: bool


class BuildRecord(BaseModel):
    """<corpus>/_build.json: one build of the corpus."""

    configuration: dict[str, Any]
    started: str
    seconds: float
    spark_version: str
    code_version: str
    wikis: dict[str, BuiltWiki]
    stages: list[BuiltStage]


def read_build_record(corpus: Path) -> BuildRecord:
    """The record of the build; raises `ConfigurationError` if the file is missing or damaged."""
    path = require_path(corpus / BUILD, "corpus", "build the corpus with python -m spark_jobs.build")
    try:
        return BuildRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = summarize_validation_error(error)
        raise ConfigurationError(f"corpus: {path} cannot be read as the record of a build: {problems}; build it again") from error


def total_counts(wikis: Iterable[BuiltWiki], pivot: str) -> dict[str, int]:
    """The counts of all wikis together, and `named`: links with a name in the language `pivot`."""
    wikis = list(wikis)
    names = [name for name in BuiltWiki.model_fields if name != "links_with_name"]
    total = {name: sum(getattr(wiki, name) for wiki in wikis) for name in names}
    return total | {"named": sum(wiki.links_with_name.get(pivot, 0) for wiki in wikis)}
