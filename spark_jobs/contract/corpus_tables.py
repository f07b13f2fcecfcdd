"""The tables of a corpus, found through its manifests: the published folders, grouped by table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest, find_manifests
from spark_jobs.contract.table_schemas import RENDERED, TABLES, Table, encoded

_TABLE_ORDER = [*TABLES, RENDERED.name]


@dataclass(frozen=True)
class CorpusTable:
    """A table of a corpus. Of `encoded`, the part with one tokenizer and one pivot language."""

    table: Table
    name: str
    """`augmented`; with the partitions that are not the wiki: `encoded-mistral-7b-v0.1-en`."""
    folder: str
    """The folder above the wikis, relative to the corpus: `augmented`, `encoded/tokenizer=mistral-7b-v0.1/pivot=en`."""
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
        """Ending of the files' names: `.parquet`."""
        names = [shard.path for manifest in self.wikis.values() for shard in manifest.shards]
        return names[0][names[0].index(".") :] if names else ".parquet"

    def wiki_folder(self, wiki: str) -> str:
        """The folder of a wiki, relative to the corpus."""
        return f"{self.folder}/wiki={wiki}"

    def files(self, wiki: str) -> str:
        """A pattern for the files of a wiki, relative to the corpus."""
        return f"{self.wiki_folder(wiki)}/*{self.suffix}"


def read_manifests(corpus: Location) -> dict[str, Manifest]:
    """The manifests of a corpus by folder, sorted; see `find_manifests`.

    Raises `ConfigurationError` for a folder that does not exist or holds no table, and for a manifest that cannot be used.
    """
    if not corpus.exists():
        raise ConfigurationError(f"{corpus} does not exist: build a corpus first (python -m spark_jobs.build --config …)")
    found = find_manifests(corpus)
    if not found:
        raise ConfigurationError(
            f"{corpus} holds no published table (no {MANIFEST} below it): give the folder that a build wrote to, output_dir"
        )
    return found


def corpus_tables(manifests: Mapping[str, Manifest]) -> list[CorpusTable]:
    """The tables of a corpus, in the order of the contract. Unknown tables, of a later minor version, are left out."""
    grouped: dict[tuple[int, str], dict[str, Manifest]] = {}
    for folder, manifest in manifests.items():
        if manifest.table in _TABLE_ORDER:
            above = folder.rpartition("/")[0]
            grouped.setdefault((_TABLE_ORDER.index(manifest.table), above), {})[manifest.partition["wiki"]] = manifest
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
    """The schema versions of the tables, ascending; all of one major version."""
    found = {manifest.schema_version for table in tables for manifest in table.wikis.values()}
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])
