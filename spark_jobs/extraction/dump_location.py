"""The files of a wiki's dump below `dumps_dir`."""

from collections.abc import Sequence

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.dump_files import Dump, DumpError, find_dump
from spark_jobs.extraction.wrong_wiki_errors import refuse_table_of_other_wiki


def list_dumps(settings: CorpusSettings) -> list[str]:
    """Paths of all files below `dumps_dir`, those of every wiki.

    A run lists the folder once, since an object store lists the dumps of hundreds of wikis a thousand names at a time. Raises
    `ConfigurationError` if the folder does not exist.
    """
    folder = Location.of(settings.dumps_dir)
    if not folder.exists():
        raise ConfigurationError(f"dumps_dir: {settings.dumps_dir!r} does not exist (looked at {folder.path})")
    return folder.files()


def locate_dump(settings: CorpusSettings, wiki: str, files: Sequence[str] | None = None) -> tuple[Location, Dump]:
    """The folder of the dumps, and the files of `wiki` in it, chosen among `files` (default: `list_dumps`).

    Raises `ConfigurationError` if a needed file is missing, or if one of the SQL tables is of another wiki.
    """
    folder = Location.of(settings.dumps_dir)
    try:
        dump = find_dump(list_dumps(settings) if files is None else files, wiki, settings.date)
    except DumpError as error:
        raise ConfigurationError(f"dumps_dir: {settings.dumps_dir!r}: {error}") from error
    for path in (dump.langlinks, *dump.optional.values()):
        if ".sql" in path:
            refuse_table_of_other_wiki(folder / path, wiki)
    return folder, dump
