"""The schema of every table: the columns, their types and their descriptions. Needs pyarrow, not pyspark.

All tables are plain Parquet, compressed with zstd, in Hive partitions `wiki=jawiki/`; partition columns are in the path, not
in the files. **All offsets are int32, end-exclusive, in Unicode code points**, as in Python, Spark `substring`, Polars
`str.slice` and Hugging Face tokenizers. Java, JavaScript and SQL Server count UTF-16 units instead. The *surface* of a link is
the text that a reader sees: `text[start:end]`.

The Parquet key-value metadata of each file:

    leia.schema_version   version of the contract, `MAJOR.MINOR` (see `schema_version.py`)
    leia.table            name of the table
    leia.columns          JSON object: column -> description

Each published folder holds a manifest (see `manifest.py`). Files and folders whose names begin with `_` are not data.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from spark_jobs.contract.schema_version import SCHEMA_VERSION

TOKENIZER_FOLDER = "_tokenizer"

IdType = Literal["uint16", "uint32"]

LINK_KINDS = {
    "internal": "any page of the same wiki",
    "interwiki": "a page of another wiki that is shown, as [[:en:X|Y]]",
    "template": "handed over by a link-bearing template, as {{ill|Y|en|X}}",
}
NAME_SOURCES = {
    "link": "the link or template itself points into the pivot wiki",
    "langlink": "a langlink of the target page",
    "redirect": "a langlink of the page behind the target's redirect chain",
}


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type and its description."""

    name: str
    type: pa.DataType
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the contract: `partitions` are in the path, `columns` in the files, and no two rows share a `key`."""

    name: str
    row: str
    partitions: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def folder(self, partition: Mapping[str, str]) -> str:
        """The folder of a partition, relative to the corpus.

        >>> ARTICLES.folder({"wiki": "jawiki"})
        'articles/wiki=jawiki'
        """
        return "/".join([self.name, *(f"{name}={partition[name]}" for name in self.partitions)])

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with the metadata of every file of the table."""
        descriptions = {column.name: column.description for column in self.columns}
        metadata = {
            "leia.schema_version": SCHEMA_VERSION,
            "leia.table": self.name,
            "leia.columns": json.dumps(descriptions, ensure_ascii=False),
        }
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns], metadata=metadata)


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(name, kind, nullable=False) for name, kind in fields.items()])


def _list(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", kind, nullable=False))


_SECTION = _struct(level=pa.int32(), title=pa.string(), start=pa.int32(), end=pa.int32())
_TITLE_IN = _struct(language=pa.string(), title=pa.string())
_SOURCED_TITLE = _struct(language=pa.string(), title=pa.string(), source=pa.string())
_SOURCED_NAME = _struct(language=pa.string(), name=pa.string(), source=pa.string())
_LINK = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("wiki", pa.string()),
        pa.field("target", pa.string(), nullable=False),
        pa.field("fragment", pa.string()),
        pa.field("names", _list(_TITLE_IN), nullable=False),
    ]
)
_ENTITY = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("target_page_id", pa.int64()),
        pa.field("names", _list(_SOURCED_NAME), nullable=False),
    ]
)

_ARTICLE_COLUMNS = (
    Column("page_id", pa.int64(), "MediaWiki page id, unique in a wiki"),
    Column("revision_id", pa.int64(), "revision that the text was read from"),
    Column("timestamp", pa.timestamp("ms", tz="UTC"), "time of that revision", nullable=True),
    Column("title", pa.string(), "title as MediaWiki shows it, with spaces"),
    Column("url", pa.string(), "address of the page"),
    Column("redirect_title", pa.string(), "normalised title that a redirect points to; null on articles", nullable=True),
    Column("redirect_fragment", pa.string(), "section that a redirect points to, without '#'; null if none", nullable=True),
    Column("is_disambiguation", pa.bool_(), "whether the page lists the meanings of its title"),
    Column("text", pa.string(), "plain text; empty on redirects"),
    Column(
        "sections", _list(_SECTION), "headings in order: level 1..6, title, span of what stands under it, subsections included"
    ),
    Column(
        "links",
        _list(_LINK),
        "links in order, spans sorted and disjoint; kind is "
        + "; ".join(f"{kind}: {meaning}" for kind, meaning in LINK_KINDS.items())
        + "; wiki is null for the same wiki; target is the normalised title, empty for a link inside the page; "
        "names are titles in other languages that the markup itself gives",
    ),
)

ARTICLES = Table("articles", "a main-namespace page, redirects included", ("wiki",), ("page_id",), _ARTICLE_COLUMNS)

NAMES = Table(
    "names",
    "a title (article or redirect) and what it is called elsewhere",
    ("wiki",),
    ("title",),
    (
        Column("title", pa.string(), "title of an article or of a redirect"),
        Column("page_id", pa.int64(), "the article that the title leads to, behind redirects"),
        Column(
            "names",
            _list(_SOURCED_TITLE),
            "titles in the pivot languages as langlinks have them, not cleaned, sorted by language; source: langlink or redirect",
        ),
    ),
)

AUGMENTED = Table(
    "augmented",
    "an article with its entities; redirects are left out",
    ("wiki",),
    ("page_id",),
    (
        *_ARTICLE_COLUMNS,
        Column(
            "entities",
            _list(_ENTITY),
            "the links that have a name, in order: span in text, the article behind the link (null if the link leaves the wiki), "
            "cleaned names sorted by language; source is "
            + "; ".join(f"{source}: {meaning}" for source, meaning in NAME_SOURCES.items()),
        ),
    ),
)

LINKS = Table(
    "links",
    "one link of an article, narrow, for teams who want no text",
    ("wiki",),
    ("page_id", "start"),
    (
        Column("page_id", pa.int64(), "article that holds the link"),
        Column("start", pa.int32(), "first code point of the surface in the article's text"),
        Column("end", pa.int32(), "code point after the surface"),
        Column("surface", pa.string(), "the text that a reader sees"),
        Column("target_page_id", pa.int64(), "article behind the link, redirects resolved; null if there is none", nullable=True),
        Column("names", _list(_SOURCED_NAME), "cleaned names sorted by language; empty where the link has none"),
    ),
)

REJECTS = Table(
    "rejects",
    "a page or a stream that was not emitted, and why",
    ("wiki",),
    ("file", "stream_offset", "page_offset", "page_id"),
    (
        Column("unit", pa.string(), "page or stream"),
        Column("file", pa.string(), "file name of the dump"),
        Column("stream_offset", pa.int64(), "compressed byte offset of the stream in the file"),
        Column(
            "page_offset",
            pa.int64(),
            "byte offset of <page> in that stream's decompressed bytes; null for a stream and for a page that the index names",
            nullable=True,
        ),
        Column("page_id", pa.int64(), "page id where it could be read", nullable=True),
        Column("title", pa.string(), "title where it could be read", nullable=True),
        Column("stage", pa.string(), "what failed: decompress, xml or wikitext"),
        Column("reason", pa.string(), "what was wrong, in words"),
    ),
)


def encoded(id_type: IdType) -> Table:
    """The `encoded` table for a tokenizer whose ids fit `id_type`.

    The narrow columns (all but the two id columns) give the length of a document for any choice of names, without reading
    tokens: with names inserted at the entities S, it is `num_tokens + sum(name_lengths[j] + tags for j in S)`.
    """
    token = pa.uint16() if id_type == "uint16" else pa.uint32()
    return Table(
        "encoded",
        "an article as tokens of one tokenizer with the names of one pivot language",
        ("tokenizer", "pivot", "wiki"),
        ("page_id",),
        (
            Column("page_id", pa.int64(), "MediaWiki page id"),
            Column("num_tokens", pa.int32(), "length of input_ids"),
            Column("input_ids", _list(token), "the text's tokens, without BOS, EOS or names"),
            Column("entity_start", _list(pa.int32()), "index in input_ids of each entity's first token; sorted"),
            Column("entity_end", _list(pa.int32()), "index after each entity's last token; spans are disjoint and not empty"),
            Column("name_lengths", _list(pa.int32()), "number of name tokens of each entity"),
            Column("name_ids", _list(token), "name tokens of all entities, one after the other, tokenised alone"),
        ),
    )


TOKENIZER_METADATA = {
    "leia.tokenizer": "JSON object: name, sha256 of tokenizer.json, vocab_size, vocabulary_sha256, id_type",
    "leia.pivot": "language of the names",
    "leia.span_mapping": "how character spans became token spans: overlap or exact",
    "leia.special_tokens": "special tokens in the ids; always none: no BOS, EOS or other token was added, and text that "
    "looks like one (<s>) was encoded as text",
}
"""Further key-value metadata of `encoded` files. The tokenizer itself is in `encoded/tokenizer=NAME/_tokenizer/`, a folder that
`transformers.AutoTokenizer` loads."""

RENDERED = Table(
    "rendered",
    "an article as plain text with names in it, as `spark_jobs.render` writes it, in a folder of its own for each experiment",
    ("wiki",),
    ("page_id",),
    (
        Column("page_id", pa.int64(), "MediaWiki page id, unique in a wiki"),
        Column("revision_id", pa.int64(), "revision that the text was read from"),
        Column("title", pa.string(), "title as MediaWiki shows it, with spaces"),
        Column("url", pa.string(), "address of the page"),
        Column("text", pa.string(), "plain text with the names of the chosen links in it; spans of other tables do not apply"),
    ),
)
"""Written by `spark_jobs.render`, not by a build. As JSON lines it has a further key, `wiki`."""

TABLES = {table.name: table for table in (ARTICLES, NAMES, AUGMENTED, LINKS, REJECTS, encoded("uint16"))}


def id_type_for(vocab_size: int) -> IdType:
    """The smallest id type that holds `vocab_size` ids."""
    return "uint16" if vocab_size <= 2**16 else "uint32"
