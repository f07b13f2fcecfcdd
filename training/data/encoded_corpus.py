"""An encoded corpus, opened: manifests and footers checked, narrow columns at hand, row groups on demand.

It may lie on a local disk or anywhere pyarrow reads (`s3://…`, `hdfs://…`); what fails there for a moment is read again
(`training.data.read_retries`). What is refused, each with the value, the reason and the remedy: a folder without manifest, a shard that is
missing, has another size or another number of rows than the manifest says, a file that the manifest does not name, another
major version of the contract, another table or schema, names of another pivot, wikis of different tokenizers or span mappings,
and a model whose vocabulary is not the shards'. Checksums of whole shards are `training.verify_data`'s work; pages are checked
against their own when they are read.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs
from pydantic import BaseModel, ValidationError

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard, read_manifest
from spark_jobs.contract.schema_version import check_schema_version
from spark_jobs.contract.table_schemas import TOKENIZER_FOLDER, IdType, encoded
from spark_jobs.contract.vocabulary_hash import vocabulary_sha256
from training.config import DataSettings
from training.data.array_cache import PlanCache
from training.data.narrow_columns import narrow_columns
from training.data.ordered_threads import in_order
from training.data.read_retries import CorpusError, retried
from training.data.row_groups import RowGroupTokens, ShardFile, read_tokens
from training.stream.stream_plan import Documents, cumulative

_FOOTERS_AT_ONCE = 8
_REBUILD = "build the wiki again (a published folder is never changed by hand)"


class TokenizerIdentity(BaseModel):
    """What a shard says of the tokenizer that made it; other keys of the metadata are of no concern here."""

    name: str
    sha256: str
    """Of its tokenizer.json."""
    vocab_size: int
    vocabulary_sha256: str
    id_type: IdType


class Encoding(NamedTuple):
    """How the text of a shard became tokens."""

    tokenizer: TokenizerIdentity
    span_mapping: str
    """How character spans became token spans."""


@dataclass(frozen=True)
class Wiki:
    """One wiki of an opened corpus."""

    documents: Documents
    files: tuple[ShardFile, ...]
    counters: Mapping[str, int]
    """Of the manifest."""
    row_groups: tuple[tuple[int, int], ...]
    """(index in `files`, number in the file), in the order of `documents.row_group_offsets`."""

    def read(self, row_group: int) -> RowGroupTokens:
        """The tokens of one row group, as the narrow columns announce them."""
        file, number = self.row_groups[row_group]
        first, last = self.documents.row_group_offsets[row_group : row_group + 2]
        return read_tokens(self.files[file], number, self.documents.num_tokens[first:last])


@dataclass(frozen=True)
class Corpus:
    """An opened corpus."""

    wikis: tuple[Wiki, ...]
    """Sorted by name."""
    tokenizer: TokenizerIdentity
    span_mapping: str
    """How character spans became token spans."""
    fingerprint: str
    """32 hex digits over the manifests' shards (names, rows, bytes, sha256) of every wiki."""

    @property
    def names(self) -> tuple[str, ...]:
        """The wikis."""
        return tuple(wiki.documents.wiki for wiki in self.wikis)


def open_corpus(settings: DataSettings) -> Corpus:
    """Check a corpus and read its narrow columns, or map them from the cache.

    Raises:
        CorpusError: see the module's docstring.
    """
    root = Location.of(settings.corpus)
    folder = root / settings.tokenizer_folder
    if not retried(folder.exists, shown(folder), settings.attempts):
        raise CorpusError(
            f"data: {shown(folder)} does not exist; there is {_siblings(folder)}. Run "
            "spark_jobs/encode.py with this tokenizer, or correct data.corpus and data.tokenizer"
        )
    manifests = {wiki: _manifest(settings, root, wiki) for wiki in settings.wikis}
    files = {wiki: _check_files(settings, root / settings.wiki_folder(wiki), manifest) for wiki, manifest in manifests.items()}
    if not any(manifest.rows for manifest in manifests.values()):
        raise CorpusError(
            f"data.wikis: {', '.join(settings.wikis)} hold no articles in {settings.corpus}, so there is nothing to train on"
        )
    encoding = _one({f"{wiki}/{part[0].name}": part[1] for wiki, parts in files.items() for part in parts})
    cache = PlanCache(settings.cache)
    wikis = [_wiki(wiki, [file for file, _ in files[wiki]], manifests[wiki], cache) for wiki in settings.wikis]
    return Corpus(tuple(wikis), *encoding, _fingerprint({wiki: manifest.shards for wiki, manifest in manifests.items()}))


def shown(location: Location) -> str:
    """A location as a person writes it."""
    return location.path if location.scheme == "file://" else location.uri


def check_vocabulary(tokenizer: TokenizerIdentity, vocabulary: Mapping[str, int], model: str) -> None:
    """Refuse a model whose tokenizer gives other ids than the shards hold; `model` names it in the message."""
    found = vocabulary_sha256(vocabulary, tokenizer.vocab_size)
    if found != tokenizer.vocabulary_sha256:
        raise CorpusError(
            f"model.path: the tokenizer of {model} ({len(vocabulary)} tokens, vocabulary sha256 {found[:12]}…) is not the one of "
            f"the shards ({tokenizer.name!r}, {tokenizer.vocab_size} tokens, {tokenizer.vocabulary_sha256[:12]}…), so token ids "
            "would mean other words; encode the corpus with the model's tokenizer, or train a model of the corpus's tokenizer"
        )


def tokenizer_difference(settings: DataSettings, tokenizer: TokenizerIdentity, model: Path) -> str | None:
    """In which parts the tokenizer.json of a local model splits text otherwise than the corpus's; None if in none, or unknown.

    The file's sha256 alone says too little: transformers adds a post-processor when it saves a tokenizer, and a model that was
    trained before has the tags. So where it differs, the parts that make tokens are compared with the file beside the shards.
    Nothing is known of a model without tokenizer.json, such as one named by its hub id.
    """
    if not (model / "tokenizer.json").is_file():
        return None
    content = (model / "tokenizer.json").read_bytes()
    if hashlib.sha256(content).hexdigest() == tokenizer.sha256:
        return None
    beside = Location.of(settings.corpus) / f"{settings.tokenizer_folder}/{TOKENIZER_FOLDER}/tokenizer.json"
    if not retried(beside.exists, shown(beside), settings.attempts):
        return f"somewhere ({shown(beside)}, to compare it with, is missing)"
    published = retried(beside.read_bytes, shown(beside), settings.attempts)
    ours, theirs = (_splitting(json.loads(text), tokenizer.vocab_size) for text in (published, content))
    return ", ".join(part for part in ours if ours[part] != theirs[part]) or None


def _splitting(tokenizer: Mapping[str, object], vocab_size: int) -> dict[str, object]:
    """The parts of a tokenizer.json that decide into which tokens text is split."""
    parts = {name: tokenizer.get(name) for name in ("normalizer", "pre_tokenizer", "model")}
    added: Sequence[dict[str, int]] = tokenizer.get("added_tokens") or ()  # type: ignore[assignment]
    return parts | {"added_tokens": [token for token in added if token["id"] < vocab_size]}


def _manifest(settings: DataSettings, root: Location, wiki: str) -> Manifest:
    folder = root / settings.wiki_folder(wiki)
    if not retried(folder.exists, shown(folder), settings.attempts):
        raise CorpusError(
            f"data.wikis: {wiki!r} with pivot {settings.pivot!r} is not in the corpus ({shown(folder)} does not exist; there is "
            f"{_siblings(folder)}); build that wiki, or correct data.wikis and data.pivot"
        )
    try:
        manifest = retried(lambda: read_manifest(folder), shown(folder / MANIFEST), settings.attempts)
    except CorpusError:
        raise
    except ConfigurationError as error:
        raise CorpusError(str(error)) from error
    if manifest.table != "encoded":
        raise CorpusError(
            f"{shown(folder)} holds the table {manifest.table!r}; training reads 'encoded': "
            "point data.corpus at the folder of a build"
        )
    return manifest


def _check_files(settings: DataSettings, folder: Location, manifest: Manifest) -> list[tuple[ShardFile, Encoding]]:
    """Every shard of a wiki with what its footer says; sizes come from one listing."""

    def list_folder() -> list[fs.FileInfo]:
        return folder.filesystem.get_file_info(fs.FileSelector(folder.path))  # type: ignore[no-any-return]

    listed = {info.base_name: info.size for info in retried(list_folder, shown(folder), settings.attempts)}
    for shard in manifest.shards:
        where = shown(folder / shard.path)
        if shard.path not in listed:
            raise CorpusError(f"{where} is missing, and the manifest names it; {_REBUILD}")
        if listed[shard.path] != shard.bytes:
            raise CorpusError(f"{where} has {listed[shard.path]} bytes, the manifest says {shard.bytes}; {_REBUILD}")
    named = {shard.path for shard in manifest.shards}
    foreign = sorted(name for name in listed if name.endswith(".parquet") and name not in named)
    if foreign:
        raise CorpusError(f"{shown(folder / foreign[0])} is not named by the manifest; {_REBUILD}, or take the file away")

    def open_shard(shard: Shard) -> tuple[ShardFile, Encoding]:
        file = ShardFile.open(folder / shard.path, shown(folder / shard.path), shard.sha256, settings.attempts)
        return file, _check_footer(file.metadata, file.where, shard.rows, settings.pivot)

    return list(in_order(open_shard, manifest.shards, _FOOTERS_AT_ONCE, 2 * _FOOTERS_AT_ONCE))


def _check_footer(footer: pq.FileMetaData, where: str, rows: int, pivot: str) -> Encoding:
    schema = footer.schema.to_arrow_schema()
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    try:
        check_schema_version(metadata.get("leia.schema_version", "none"), where)
        tokenizer = TokenizerIdentity.model_validate_json(metadata.get("leia.tokenizer", "{}"))
    except ValidationError as error:
        raise CorpusError(
            f"{where} does not say which tokenizer made it (leia.tokenizer: {metadata.get('leia.tokenizer')!r}); encode it again"
        ) from error
    except ValueError as error:
        raise CorpusError(str(error)) from error
    if (found_pivot := metadata.get("leia.pivot")) != pivot:
        raise CorpusError(
            f"{where} holds names in {found_pivot!r}, and data.pivot is {pivot!r}: the folder does not hold what its name says; "
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
            f"the contract says {expected.field(wrong[0]).type}; encode it again"
        )
    if footer.num_rows != rows:
        raise CorpusError(f"{where} has {footer.num_rows} rows, the manifest says {rows}; encode it again")
    return Encoding(tokenizer, span_mapping)


def _one(encodings: Mapping[str, Encoding]) -> Encoding:
    (first_shard, first), *others = encodings.items()
    for shard, encoding in others:
        if encoding.tokenizer != first.tokenizer:
            raise CorpusError(
                f"data: {first_shard} and {shard} were encoded by different tokenizers (sha256 of tokenizer.json "
                f"{first.tokenizer.sha256[:12]}… and {encoding.tokenizer.sha256[:12]}…), although both are called "
                f"{first.tokenizer.name!r}; encode them again with one tokenizer"
            )
        if encoding.span_mapping != first.span_mapping:
            raise CorpusError(
                f"data: the spans of {first_shard} were mapped to tokens by {first.span_mapping!r}, those of {shard} by "
                f"{encoding.span_mapping!r}; encode them again with one encode.span_mapping"
            )
    return first


def _wiki(name: str, files: Sequence[ShardFile], manifest: Manifest, cache: PlanCache) -> Wiki:
    """A checked wiki: its row groups, and its narrow columns."""
    places = [
        (index, number)
        for index, file in enumerate(files)
        for number in range(file.metadata.num_row_groups)
        if file.metadata.row_group(number).num_rows
    ]
    rows = [files[index].metadata.row_group(number).num_rows for index, number in places]
    fingerprint = _fingerprint(manifest.shards)
    columns = narrow_columns([(files[index], number) for index, number in places], fingerprint, cache)
    documents = Documents(
        wiki=name,
        fingerprint=fingerprint,
        page_id=columns["page_id"],
        num_tokens=columns["num_tokens"],
        row_group_offsets=cumulative(pa.array(rows, pa.int64()).to_numpy()),
        link_offsets=columns["link_offsets"],
        span_lengths=columns["span_lengths"],
        name_lengths=columns["name_lengths"],
    )
    return Wiki(documents, tuple(files), manifest.counters, tuple(places))


def _fingerprint(shards: Mapping[str, Sequence[Shard]] | Sequence[Shard]) -> str:
    def plain(part: Sequence[Shard]) -> list[dict[str, object]]:
        return [shard.model_dump() for shard in part]

    content = {wiki: plain(part) for wiki, part in shards.items()} if isinstance(shards, Mapping) else plain(shards)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _siblings(location: Location) -> str:
    """What lies where something was looked for, for a message."""
    parent = location.path.rpartition("/")[0]
    while True:
        selector = fs.FileSelector(parent or "/", allow_not_found=True)
        names = sorted(
            info.base_name for info in location.filesystem.get_file_info(selector) if info.type is fs.FileType.Directory
        )
        names = [name for name in names if not name.startswith("_")]
        if names or "/" not in parent.strip("/"):
            return f"{', '.join(names) or 'nothing'} in {shown(Location(location.filesystem, parent, location.scheme))}"
        parent = parent.rpartition("/")[0]
