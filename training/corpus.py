"""An encoded corpus, opened: manifests and footers checked, narrow columns in memory, row groups on demand.

What is refused, each with the value, the reason and the remedy: a folder without manifest, a shard that is missing, has
another size or another number of rows than the manifest says, a file that the manifest does not name, another major version
of the contract, another table or schema, names of another pivot, wikis of different tokenizers or span mappings, and a model
whose vocabulary is not the shards'.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from spark_jobs.settings import ConfigurationError
from spark_jobs.tables import TOKENIZER_FOLDER, IdType, Manifest, check_schema_version, encoded, read_manifest, vocabulary_sha256
from training.config import DataSettings
from training.insertion import Links
from training.plan import Documents, cumulative

_NARROW = ["page_id", "num_tokens", "entity_start", "entity_end", "name_lengths"]
_TOKENS = ["input_ids", "entity_start", "entity_end", "name_lengths", "name_ids"]


class CorpusError(ConfigurationError):
    """The corpus cannot be trained on as it lies there."""


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


class RowGroup(NamedTuple):
    """Where a row group lies."""

    path: Path
    number: int
    """In its file."""


class RowGroupTokens(NamedTuple):
    """One row group's documents, laid flat as `training.insertion` takes them."""

    input_ids: npt.NDArray[np.integer]
    links: Links


@dataclass(frozen=True)
class Corpus:
    """An opened corpus."""

    documents: Documents
    row_groups: tuple[RowGroup, ...]
    """In the order of `documents.row_group_offsets`."""
    tokenizer: TokenizerIdentity
    span_mapping: str
    """How character spans became token spans."""
    fingerprint: str
    """32 hex digits over the manifests' shards (names, rows, bytes, sha256) of every wiki."""

    def read(self, row_group: int) -> RowGroupTokens:
        """The tokens of one row group."""
        path, number = self.row_groups[row_group]
        table = pq.ParquetFile(path).read_row_group(number, columns=_TOKENS).combine_chunks()
        input_ids, offsets = _flat(table["input_ids"])
        starts, link_offsets = _flat(table["entity_start"])
        base = np.repeat(offsets[:-1], np.diff(link_offsets))
        ends, name_lengths, name_ids = (_flat(table[name])[0] for name in ("entity_end", "name_lengths", "name_ids"))
        return RowGroupTokens(input_ids, Links(starts + base, ends + base, name_lengths, name_ids))


def open_corpus(settings: DataSettings) -> Corpus:
    """Check a corpus and read its narrow columns.

    Raises:
        CorpusError: see the module's docstring.
    """
    if not settings.tokenizer_folder.is_dir():
        raise CorpusError(
            f"data: {settings.tokenizer_folder} does not exist; there is {_siblings(settings.tokenizer_folder)}. Run "
            "spark_jobs/encode.py with this tokenizer, or correct data.corpus and data.tokenizer"
        )
    manifests = {wiki: _manifest(settings, wiki) for wiki in settings.wikis}
    groups: list[RowGroup] = []
    parts: list[dict[str, npt.NDArray[Any]]] = []
    encodings: dict[str, Encoding] = {}
    for number, (wiki, manifest) in enumerate(manifests.items()):
        folder = settings.wiki_folder(wiki)
        _check_files(folder, manifest)
        for shard in manifest.shards:
            with pq.ParquetFile(folder / shard.path) as file:
                encodings[f"{wiki}/{shard.path}"] = _check_footer(file, folder / shard.path, shard.rows, settings.pivot)
                for index in range(file.num_row_groups):
                    groups.append(RowGroup(folder / shard.path, index))
                    parts.append(_narrow(file.read_row_group(index, columns=_NARROW), number))
    if not any(manifest.rows for manifest in manifests.values()):
        raise CorpusError(
            f"data.wikis: {', '.join(settings.wikis)} hold no articles in {settings.corpus}, so there is nothing to train on"
        )
    return Corpus(_documents(settings.wikis, parts), tuple(groups), *_one(encodings), _fingerprint(manifests))


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
    beside = settings.tokenizer_folder / TOKENIZER_FOLDER / "tokenizer.json"
    if not beside.is_file():
        return f"somewhere ({beside}, to compare it with, is missing)"
    ours, theirs = (_splitting(json.loads(text), tokenizer.vocab_size) for text in (beside.read_bytes(), content))
    return ", ".join(part for part in ours if ours[part] != theirs[part]) or None


def _splitting(tokenizer: Mapping[str, Any], vocab_size: int) -> dict[str, Any]:
    """The parts of a tokenizer.json that decide into which tokens text is split."""
    parts = {name: tokenizer.get(name) for name in ("normalizer", "pre_tokenizer", "model")}
    return parts | {"added_tokens": [token for token in tokenizer.get("added_tokens") or () if token["id"] < vocab_size]}


def _manifest(settings: DataSettings, wiki: str) -> Manifest:
    folder = settings.wiki_folder(wiki)
    if not folder.is_dir():
        raise CorpusError(
            f"data.wikis: {wiki!r} with pivot {settings.pivot!r} is not in the corpus ({folder} does not exist; there is "
            f"{_siblings(folder)}); build that wiki, or correct data.wikis and data.pivot"
        )
    try:
        manifest = read_manifest(folder)
    except ValidationError as error:
        raise CorpusError(
            f"{folder}: the manifest cannot be read ({error.error_count()} problems, first: {error.errors()[0]['msg']})"
        ) from error
    except (FileNotFoundError, ValueError) as error:
        raise CorpusError(str(error)) from error
    if manifest.table != "encoded":
        raise CorpusError(
            f"{folder} holds the table {manifest.table!r}; training reads 'encoded': point data.corpus at the build's folder"
        )
    return manifest


def _check_files(folder: Path, manifest: Manifest) -> None:
    remedy = "build the wiki again (a published folder is never changed by hand)"
    for shard in manifest.shards:
        path = folder / shard.path
        if not path.is_file():
            raise CorpusError(f"{path} is missing, and the manifest names it; {remedy}")
        if (found := path.stat().st_size) != shard.bytes:
            raise CorpusError(f"{path} has {found} bytes, the manifest says {shard.bytes}; {remedy}")
    foreign = sorted({path.name for path in folder.glob("*.parquet")} - {shard.path for shard in manifest.shards})
    if foreign:
        raise CorpusError(f"{folder / foreign[0]} is not named by the manifest; {remedy}, or take the file away")


def _check_footer(file: pq.ParquetFile, path: Path, rows: int, pivot: str) -> Encoding:
    metadata = {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}
    try:
        check_schema_version(metadata.get("leia.schema_version", "none"), str(path))
        tokenizer = TokenizerIdentity.model_validate_json(metadata.get("leia.tokenizer", "{}"))
    except ValidationError as error:
        raise CorpusError(
            f"{path} does not say which tokenizer made it (leia.tokenizer: {metadata.get('leia.tokenizer')!r}); encode it again"
        ) from error
    except ValueError as error:
        raise CorpusError(str(error)) from error
    if (found_pivot := metadata.get("leia.pivot")) != pivot:
        raise CorpusError(
            f"{path} holds names in {found_pivot!r}, and data.pivot is {pivot!r}: the folder does not hold what its name says; "
            "encode it again"
        )
    if (span_mapping := metadata.get("leia.span_mapping")) is None:
        raise CorpusError(f"{path} does not say how its spans were mapped to tokens (leia.span_mapping); encode it again")
    expected = encoded(tokenizer.id_type).schema
    found = {field.name: field.type for field in file.schema_arrow}
    wrong = [field.name for field in expected if found.get(field.name) != field.type]
    if wrong:
        raise CorpusError(
            f"{path}: column {wrong[0]} is {found.get(wrong[0], 'missing')}, "
            f"the contract says {expected.field(wrong[0]).type}; encode it again"
        )
    if file.metadata.num_rows != rows:
        raise CorpusError(f"{path} has {file.metadata.num_rows} rows, the manifest says {rows}; encode it again")
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


def _fingerprint(manifests: Mapping[str, Manifest]) -> str:
    content = {wiki: [shard.model_dump() for shard in manifest.shards] for wiki, manifest in manifests.items()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _narrow(table: pa.Table, wiki: int) -> dict[str, npt.NDArray[Any]]:
    starts, link_offsets = _flat(table["entity_start"])
    return {
        "wiki": np.full(table.num_rows, wiki, dtype=np.int32),
        "page_id": table["page_id"].to_numpy(),
        "num_tokens": table["num_tokens"].to_numpy(),
        "links": np.diff(link_offsets),
        "span_lengths": _flat(table["entity_end"])[0] - starts,
        "name_lengths": _flat(table["name_lengths"])[0],
    }


def _documents(wikis: tuple[str, ...], parts: list[dict[str, npt.NDArray[Any]]]) -> Documents:
    column = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Documents(
        wikis=wikis,
        wiki=column["wiki"],
        page_id=column["page_id"],
        num_tokens=column["num_tokens"],
        row_group_offsets=cumulative(np.array([len(part["page_id"]) for part in parts])),
        link_offsets=cumulative(column["links"]),
        span_lengths=column["span_lengths"],
        name_lengths=column["name_lengths"],
    )


def _flat(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The values of a list column one after the other, and where each row's begin (and the last one's end)."""
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    offsets = lists.offsets.to_numpy().astype(np.int64)
    return lists.flatten().to_numpy(zero_copy_only=False), offsets - offsets[0]


def _siblings(path: Path) -> str:
    """What lies where something was looked for, for a message."""
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    names = sorted(child.name for child in parent.iterdir() if child.is_dir() and not child.name.startswith("_"))
    return f"{', '.join(names) or 'nothing'} in {parent}"
