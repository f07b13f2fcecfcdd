"""Checks before a build: the wikis, dumps, tokenizer and output folder of the configuration, before Spark starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.extraction.corrected_profile import find_profile
from spark_jobs.extraction.dump_location import list_dumps, locate_dump
from spark_jobs.runtime.wiki_pool import Failure
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source


@dataclass(frozen=True)
class BuildPlan:
    """The wikis that can be built, and those that cannot."""

    sizes: Mapping[str, int]
    """Wiki -> bytes of the page files of its dump, the largest first."""
    failures: Mapping[str, Failure]
    """Wikis without a usable dump."""
    files: Sequence[str]
    """Paths of all files in `dumps_dir`."""


def plan_build(settings: CorpusSettings) -> BuildPlan:
    """Check the configuration and locate the dumps.

    Raises `ConfigurationError` for an error that affects all wikis, for an unknown wiki, and if no wiki has a dump.
    """
    Location.of(settings.output_dir)  # raises if it cannot be reached
    for wiki in settings.wikis:
        find_profile(wiki, settings.extract.variants.get(wiki))
    sizes: dict[str, int] = {}
    failures: dict[str, Failure] = {}
    files = list_dumps(settings)
    for wiki in settings.wikis:
        try:
            folder, dump = locate_dump(settings, wiki, files)
            sizes[wiki] = sum((folder / path).size() for path in dump.pages)
        except ConfigurationError as error:
            failures[wiki] = Failure.of(error)
    if not sizes:
        raise ConfigurationError("\n".join(failure.reason for failure in failures.values()))
    if settings.encode is not None:
        load_tokenizer_source(settings.encode.tokenizer, settings.encode.name)
    return BuildPlan(dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))), failures, files)
