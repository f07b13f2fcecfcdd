"""Write a synthetic encoded corpus that follows the contract: documents of log-normal length with links, as in a real wiki."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard
from spark_jobs.contract.schema_version import SCHEMA_VERSION
from spark_jobs.contract.table_schemas import TOKENIZER_FOLDER, encoded
from spark_jobs.contract.vocabulary_hash import vocabulary_sha256
from spark_jobs.tokens.tokenizer_loading import load_tokenizer_source

TOKENIZER = "package:mistral_common/data/tokenizer.model.v1"
ROWS_IN_GROUP = 1024
TOKENS_A_LINK = 45
WIKI = "jawiki"


def wiki_folder(corpus: Path) -> Path:
    """Returns the folder of the shards."""
    return corpus / "encoded" / "tokenizer=mistral" / "pivot=en" / f"wiki={WIKI}"


def list_column(values: npt.NDArray[Any], lengths: npt.NDArray[np.integer], kind: pa.DataType) -> pa.Array:
    """Returns a list column from flat values and the lengths of the lists."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values, kind.value_type), type=kind)


def make_shard(rng: np.random.Generator, first: int, rows: int, schema: pa.Schema, tokens: bool, links: int | None) -> pa.Table:
    """Returns the rows of a shard.

    Args:
        rng: generator of all values.
        first: page id of the first row.
        rows: number of rows.
        schema: schema of the table.
        tokens: whether to fill the id columns; a plan does not need them.
        links: links of each row; None: one for every 45 tokens.
    """
    lengths = np.maximum(20, rng.lognormal(6.6, 0.9, rows)).astype(np.int32)
    counts = np.full(rows, links) if links is not None else lengths // TOKENS_A_LINK
    total = int(counts.sum())
    # Link j of a document with n links is in the j-th of n equal parts of it.
    part = np.repeat(np.maximum(lengths // np.maximum(counts, 1), 2), counts)
    j = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = j * part
    ends = starts + np.minimum(rng.integers(1, 5, total), part)
    names = rng.integers(2, 8, total)
    ids, name_ids = (rng.integers(3, 32_000, int(size)) if tokens else np.zeros(0) for size in (lengths.sum(), names.sum()))
    columns = {
        "page_id": pa.array(np.arange(first, first + rows)),
        "num_tokens": pa.array(lengths),
        "input_ids": (ids, lengths if tokens else np.zeros(rows)),
        "entity_start": (starts, counts),
        "entity_end": (ends, counts),
        "name_lengths": (names, counts),
        "name_ids": (
            name_ids,
            np.add.reduceat(np.append(names, 0), np.cumsum(counts) - counts) * (counts > 0) if tokens else counts * 0,
        ),
    }
    arrays = [list_column(*c, schema.field(n).type) if isinstance(c, tuple) else c for n, c in columns.items()]
    return pa.Table.from_arrays(arrays, schema=schema)


def make_corpus(corpus: Path, documents: int, shards: int = 4, tokens: bool = True, links: int | None = None) -> None:
    """Writes the corpus, its tokenizer and its manifest. `tokens` and `links` are those of `make_shard`."""
    folder = wiki_folder(corpus)
    folder.mkdir(parents=True)
    source = load_tokenizer_source(TOKENIZER, "mistral")
    tokenizer_folder = corpus / "encoded" / "tokenizer=mistral" / TOKENIZER_FOLDER
    tokenizer_folder.mkdir()
    (tokenizer_folder / "tokenizer.json").write_text(source.tokenizer_json)
    (tokenizer_folder / "tokenizer_config.json").write_text(source.tokenizer_config)
    vocabulary = source.load().get_vocab()
    tokenizer = {
        "name": "mistral",
        "sha256": hashlib.sha256(source.tokenizer_json.encode()).hexdigest(),
        "vocab_size": len(vocabulary),
        "vocabulary_sha256": vocabulary_sha256(vocabulary, len(vocabulary)),
        "id_type": "uint16",
    }
    schema = encoded("uint16").schema
    more = {"leia.tokenizer": json.dumps(tokenizer), "leia.pivot": "en", "leia.span_mapping": "exact"}
    schema = schema.with_metadata({**schema.metadata, **{key.encode(): value.encode() for key, value in more.items()}})
    rng, written = np.random.default_rng(0), []
    for number in range(shards):
        first, last = documents * number // shards, documents * (number + 1) // shards
        path = folder / f"part-{number:05d}.parquet"
        table = make_shard(rng, first, last - first, schema, tokens, links)
        options = {"compression": "zstd", "compression_level": 3, "version": "2.6", "write_page_checksum": True}
        pq.write_table(table, path, row_group_size=ROWS_IN_GROUP, **options)
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        written.append(Shard(path=path.name, rows=table.num_rows, bytes=path.stat().st_size, sha256=checksum))
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        table="encoded",
        partition={"tokenizer": "mistral", "pivot": "en", "wiki": WIKI},
        rows=documents,
        bytes=sum(shard.bytes for shard in written),
        row_hash="",
        shards=written,
        inputs=[],
        configuration={},
        code_version="",
        counters={},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json())
