"""What lies in a corpus, by its manifests alone: every published folder, and the folders of a table together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.table_schemas import MANIFEST, RENDERED, TABLES, Manifest, Table, check_schema_version, encoded

_ORDER = [*TABLES, RENDERED.name]


@dataclass(frozen=True)
class CorpusTable:
    """A table of a corpus: of `encoded`, the part of one tokenizer and one pivot language."""

    table: Table
    name: str
    """`augmented`; with the partitions that are not the wiki: `encoded-mistral-7b-v0.1-en`."""
    folder: str
    """What holds the wikis, relative to the corpus: `augmented`, `encoded/tokenizer=mistral-7b-v0.1/pivot=en`."""
    wikis: Mapping[str, Manifest]
    """Sorted by wiki."""

    @property
    def rows(self) -> int:
        """Rows of all wikis."""
        return sum(manifest.rows for manifest in self.wikis.values())

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(manifest.bytes for manifest in self.wikis.values())

    @property
    def suffix(self) -> str:
        """What the files' names end in: `.parquet`."""
        names = [shard.path for manifest in self.wikis.values() for shard in manifest.shards]
        return names[0][names[0].index(".") :] if names else ".parquet"

    def wiki_folder(self, wiki: str) -> str:
        """The folder of a wiki, relative to the corpus."""
        return f"{self.folder}/wiki={wiki}"

    def files(self, wiki: str) -> str:
        """A pattern for the files of a wiki, relative to the corpus."""
        return f"{self.wiki_folder(wiki)}/*{self.suffix}"


def read_manifests(corpus: Location) -> dict[str, Manifest]:
    """The manifests below a corpus by folder, sorted. Below a name that begins with `_` nothing is published.

    Raises `ConfigurationError` for a folder that is not there or holds no table, and for a manifest that is damaged or of
    another major version.
    """
    if not corpus.exists():
        raise ConfigurationError(f"{corpus.path} does not exist: build a corpus first (python -m spark_jobs.build --config …)")
    found = {}
    for path in corpus.files():
        folder, _, name = path.rpartition("/")
        if name == MANIFEST and not any(part.startswith("_") for part in folder.split("/")):
            found[folder] = _read(corpus / path)
    if not found:
        raise ConfigurationError(
            f"{corpus.path} holds no published table (no {MANIFEST} below it): give the folder that a build wrote to, output_dir"
        )
    return found


def _read(path: Location) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
        check_schema_version(manifest.schema_version, path.path)
    except ValidationError as error:
        raise ConfigurationError(
            f"{path.path} cannot be read as a manifest ({error.error_count()} problems, first: {error.errors()[0]['msg']}); "
            "run the stage that writes it again"
        ) from error
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return manifest


def corpus_tables(manifests: Mapping[str, Manifest]) -> list[CorpusTable]:
    """The tables of a corpus, in the order of the contract; a table of a later minor version that is unknown here is left out."""
    grouped: dict[tuple[int, str], dict[str, Manifest]] = {}
    for folder, manifest in manifests.items():
        if manifest.table in _ORDER:
            above = folder.rpartition("/")[0]
            grouped.setdefault((_ORDER.index(manifest.table), above), {})[manifest.partition["wiki"]] = manifest
    return [_corpus_table(folder, dict(sorted(wikis.items()))) for (_, folder), wikis in sorted(grouped.items())]


def _corpus_table(folder: str, wikis: Mapping[str, Manifest]) -> CorpusTable:
    manifest = next(iter(wikis.values()))
    known = {**TABLES, RENDERED.name: RENDERED}
    table = encoded(manifest.configuration["tokenizer"]["id_type"]) if manifest.table == "encoded" else known[manifest.table]
    further = [manifest.partition[name] for name in table.partitions if name != "wiki"]
    return CorpusTable(table, "-".join([table.name, *further]), folder, wikis)


def wikis_of(tables: Iterable[CorpusTable]) -> list[str]:
    """All wikis of the tables, sorted."""
    return sorted({wiki for table in tables for wiki in table.wikis})


def schema_versions(tables: Iterable[CorpusTable]) -> list[str]:
    """The versions of the contract that the tables were written under, ascending; all of one major version."""
    found = {manifest.schema_version for table in tables for manifest in table.wikis.values()}
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])
