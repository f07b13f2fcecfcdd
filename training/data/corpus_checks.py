"""Checks of a published wiki before it is trained on: its manifest, the files of its folder, and the footers of its shards.

Each check raises `CorpusError` with the value, the reason and the remedy.
"""

import pyarrow.parquet as pq
from pyarrow import fs
from pydantic import ValidationError

from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard, read_manifest
from spark_jobs.contract.schema_version import check_schema_version
from spark_jobs.contract.table_schemas import encoded
from training.config import DataSettings
from training.data.corpus_errors import CorpusError, display_path, list_siblings
from training.data.ordered_threads import map_in_order
from training.data.read_retries import read_with_retries
from training.data.row_groups import ShardFile
from training.data.tokenizer_identity import ShardEncoding, TokenizerIdentity

_FOOTERS_AT_ONCE = 8
_REBUILD = "build the wiki again (the files of a published folder are never edited)"


def read_wiki_manifest(settings: DataSettings, root: Location, wiki: str) -> Manifest:
    """The manifest of a wiki of the corpus at `root`.

    Raises:
        CorpusError: when it is missing or unreadable, of another table, wiki, tokenizer or pivot than its folder's name, or of
            another major version of the contract.
    """
    folder = root / settings.wiki_folder(wiki)
    if not read_with_retries(folder.exists, display_path(folder), settings.attempts):
        raise CorpusError(
            f"data.wikis: {wiki!r} with pivot {settings.pivot!r} is not in the corpus ({display_path(folder)} does not exist; "
            f"there is {list_siblings(folder)}); build that wiki, or correct data.wikis and data.pivot"
        )
    try:
        return read_with_retries(lambda: read_manifest(folder), display_path(folder / MANIFEST), settings.attempts)
    except CorpusError:
        raise
    except ValueError as error:  # `ConfigurationError` of the manifest, and pyarrow's `ArrowInvalid`
        raise CorpusError(str(error)) from error


def open_shards(settings: DataSettings, folder: Location, manifest: Manifest) -> list[tuple[ShardFile, ShardEncoding]]:
    """Every shard of a wiki with the encoding that its footer states. Sizes are compared from one listing of the folder.

    Raises:
        CorpusError: when the folder and the manifest do not agree, or a footer is not that of an `encoded` shard.
    """

    def list_folder() -> list[fs.FileInfo]:
        return folder.filesystem.get_file_info(fs.FileSelector(folder.path))  # type: ignore[no-any-return]

    listed = {info.base_name: info.size for info in read_with_retries(list_folder, display_path(folder), settings.attempts)}
    for shard in manifest.shards:
        where = display_path(folder / shard.path)
        if shard.path not in listed:
            raise CorpusError(f"{where} is missing, and the manifest names it; {_REBUILD}")
        if listed[shard.path] != shard.bytes:
            raise CorpusError(f"{where} has {listed[shard.path]} bytes, the manifest states {shard.bytes}; {_REBUILD}")
    named = {shard.path for shard in manifest.shards}
    foreign = sorted(name for name in listed if name.endswith(".parquet") and name not in named)
    if foreign:
        raise CorpusError(f"{display_path(folder / foreign[0])} is not named by the manifest; {_REBUILD}, or remove the file")

    def open_shard(shard: Shard) -> tuple[ShardFile, ShardEncoding]:
        file = ShardFile.open(folder / shard.path, display_path(folder / shard.path), shard.sha256, settings.attempts)
        return file, _check_footer(file.metadata, file.where, shard.rows, settings.pivot)

    return list(map_in_order(open_shard, manifest.shards, _FOOTERS_AT_ONCE, 2 * _FOOTERS_AT_ONCE))


def _check_footer(footer: pq.FileMetaData, where: str, rows: int, pivot: str) -> ShardEncoding:
    schema = footer.schema.to_arrow_schema()
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    try:
        check_schema_version(metadata.get("leia.schema_version", "none"), where)
        tokenizer = TokenizerIdentity.model_validate_json(metadata.get("leia.tokenizer", "{}"))
    except ValidationError as error:
        raise CorpusError(
            f"{where} does not name the tokenizer that made it (leia.tokenizer: {metadata.get('leia.tokenizer')!r}); "
            "encode it again"
        ) from error
    except ValueError as error:
        raise CorpusError(str(error)) from error
    if (found_pivot := metadata.get("leia.pivot")) != pivot:
        raise CorpusError(
            f"{where} holds names in {found_pivot!r}, and data.pivot is {pivot!r}: the folder has another pivot than its name; "
            "encode it again"
        )
    if (span_mapping := metadata.get("leia.span_mapping")) is None:
        raise CorpusError(f"{where} does not say how its spans were mapped to tokens (leia.span_mapping); encode it again")
    expected = encoded(tokenizer.id_type).schema
    found = {field.name: field.type for field in schema}
    wrong = [field.name for field in expected if found.get(field.name) != field.type]
    if wrong:
        raise CorpusError(
            f"{where}: column {wrong[0]} is {found.get(wrong[0], 'missing')}, "
            f"the contract states {expected.field(wrong[0]).type}; encode it again"
        )
    if footer.num_rows != rows:
        raise CorpusError(f"{where} has {footer.num_rows} rows, the manifest states {rows}; encode it again")
    return ShardEncoding(tokenizer, span_mapping)
