"""An encoded corpus, opened: manifests and footers checked, narrow columns in memory, row groups read on demand.

It may be on a local disk or in any store that pyarrow reads (`s3://…`, `hdfs://…`); reads that fail for a moment are retried
(`training.data.read_retries`). Opening refuses: a folder without manifest, a shard that is missing or has another size or another
number of rows than the manifest states, a file that the manifest does not name, another major version of the contract, another
table or schema, names of another pivot (`training.data.corpus_checks`), and wikis of different tokenizers or span mappings
(`training.data.tokenizer_identity`). Checksums of whole shards are compared by `training.verify_data`; pages are checked against
their own when they are read.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import Manifest, Shard
from training.config import DataSettings
from training.data.array_cache import ArrayCache
from training.data.corpus_checks import open_shards, read_wiki_manifest
from training.data.corpus_errors import CorpusError, display_path, list_siblings
from training.data.narrow_columns import Documents, read_narrow_columns
from training.data.prefix_sums import prefix_sums
from training.data.read_retries import read_with_retries
from training.data.row_groups import RowGroupTokens, ShardFile, read_tokens
from training.data.tokenizer_identity import TokenizerIdentity, require_one_encoding


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
        """The tokens of one row group; raises `CorpusError` where their lengths are not those of the narrow columns."""
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
    if not read_with_retries(folder.exists, display_path(folder), settings.attempts):
        raise CorpusError(
            f"data: {display_path(folder)} does not exist; there is {list_siblings(folder)}. Run "
            "spark_jobs/encode.py with this tokenizer, or correct data.corpus and data.tokenizer"
        )
    manifests = {wiki: read_wiki_manifest(settings, root, wiki) for wiki in settings.wikis}
    shards = {wiki: open_shards(settings, root / settings.wiki_folder(wiki), manifest) for wiki, manifest in manifests.items()}
    if not any(manifest.rows for manifest in manifests.values()):
        raise CorpusError(
            f"data.wikis: {', '.join(settings.wikis)} hold no articles in {settings.corpus}, so there is nothing to train on"
        )
    encoding = require_one_encoding(
        {f"{wiki}/{file.name}": encoding for wiki, opened in shards.items() for file, encoding in opened}
    )
    cache = ArrayCache(settings.cache)
    wikis = [_wiki(wiki, [file for file, _ in shards[wiki]], manifests[wiki], cache) for wiki in settings.wikis]
    return Corpus(tuple(wikis), *encoding, _fingerprint({wiki: manifest.shards for wiki, manifest in manifests.items()}))


def _wiki(name: str, files: Sequence[ShardFile], manifest: Manifest, cache: ArrayCache) -> Wiki:
    """A checked wiki: its row groups, and its narrow columns."""
    places = [
        (index, number)
        for index, file in enumerate(files)
        for number in range(file.metadata.num_row_groups)
        if file.metadata.row_group(number).num_rows
    ]
    rows = [files[index].metadata.row_group(number).num_rows for index, number in places]
    fingerprint = _fingerprint(manifest.shards)
    columns = read_narrow_columns([(files[index], number) for index, number in places], fingerprint, cache)
    documents = Documents(
        wiki=name,
        fingerprint=fingerprint,
        page_id=columns["page_id"],
        num_tokens=columns["num_tokens"],
        row_group_offsets=prefix_sums(pa.array(rows, pa.int64()).to_numpy()),
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
