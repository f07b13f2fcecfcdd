"""Croissant metadata of a corpus: its tables for programs, file by file and field by field.

Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html). A table is a file set and a record set over it;
the wiki is read from the path. Each manifest is a file object with its checksum, and contains the checksums of its shards.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from spark_jobs.common.wiki_languages import language_tag
from spark_jobs.config import CardSettings
from spark_jobs.contract.corpus_tables import CorpusTable, schema_versions, wikis_of
from spark_jobs.contract.manifest import MANIFEST
from spark_jobs.contract.type_names import croissant_type

_LICENCE_URLS = ["https://creativecommons.org/licenses/by-sa/4.0/", "https://www.gnu.org/licenses/fdl-1.3.html"]
_CITATION = (
    "@inproceedings{yamada-ri-2024-leia, title={LEIA: Facilitating Cross-lingual Knowledge Transfer in Language Models with "
    "Entity-based Data Augmentation}, author={Yamada, Ikuya and Ri, Ryokan}, booktitle={Findings of ACL 2024}, year={2024}, "
    "url={https://arxiv.org/abs/2402.11485}}"
)
_ENCODINGS = {".parquet": "application/x-parquet"}
# The JSON-LD context that the specification prescribes.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def build_croissant_metadata(
    tables: Sequence[CorpusTable], manifests: Mapping[str, bytes], settings: CardSettings, summary: str
) -> dict[str, Any]:
    """The content of `croissant.json`.

    Args:
        tables: the tables of the corpus. Tables of JSON lines get a file set only, because they have no columns.
        manifests: folder, relative to the corpus, to the bytes of its manifest.
        settings: title, note, address and day of publication.
        summary: a paragraph that describes the corpus.
    """
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": settings.title,
        "description": f"{summary} {settings.note or ''}".strip(),
        "url": settings.url,
        "license": _LICENCE_URLS,
        "citeAs": _CITATION,
        "creator": {"@type": "sc:Organization", "name": "Authors of Wikipedia", "url": "https://www.wikipedia.org/"},
        "datePublished": settings.published and settings.published.isoformat(),
        "version": f"{schema_versions(tables)[-1]}.0",
        "inLanguage": [language_tag(wiki) for wiki in wikis_of(tables)],
        "keywords": ["Wikipedia", "entity names", "cross-lingual", "language modelling"],
        "isLiveDataset": False,
        "distribution": [
            *(_file_set(table) for table in tables),
            *(_manifest_object(folder, content) for folder, content in sorted(manifests.items())),
        ],
        "recordSet": [_record_set(table) for table in tables if table.suffix in _ENCODINGS],
    }
    return {key: value for key, value in described.items() if value is not None}


def _file_set(table: CorpusTable) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{table.name}-files",
        "name": f"{table.name}-files",
        "description": f"{table.rows:,} rows, {table.bytes:,} bytes",
        "encodingFormat": _ENCODINGS.get(table.suffix, "application/jsonlines"),
        "includes": [table.files(wiki) for wiki in table.wikis],
    }


def _manifest_object(folder: str, content: bytes) -> dict[str, Any]:
    path = f"{folder}/{MANIFEST}"
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "description": "Sizes and sha256 of the files beside it, their inputs, and counts",
        "contentUrl": path,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "application/json",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _record_set(table: CorpusTable) -> dict[str, Any]:
    wiki = {
        "@type": "cr:Field",
        "@id": f"{table.name}/wiki",
        "name": "wiki",
        "description": "wiki id, from the path",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": f"{table.name}-files"},
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": ".*wiki=([^/]+)/.*"},
        },
    }
    described = {column.name: column.description for column in table.table.columns}
    fields = [_field(table.name, field, described[field.name]) for field in table.table.schema]
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.table.row,
        "key": [{"@id": f"{table.name}/{name}"} for name in ("wiki", *table.table.key)],
        "field": [wiki, *fields],
    }


def _field(table: str, field: pa.Field, description: str) -> dict[str, Any]:
    """A column. The members of a list of structs are sub-fields, except lists: Croissant allows one level of repetition."""
    name = f"{table}/{field.name}"
    source = {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": field.name}}
    described = {"@type": "cr:Field", "@id": name, "name": name, "description": description}
    if not pa.types.is_list(field.type):
        return {**described, "dataType": croissant_type(field.type), "source": source}
    inner = field.type.value_type
    if not pa.types.is_struct(inner):
        return {**described, "dataType": croissant_type(inner), "isArray": True, "arrayShape": "-1", "source": source}
    plain = [member for member in inner if not pa.types.is_list(member.type)]
    if left_out := [member.name for member in inner if pa.types.is_list(member.type)]:
        described["description"] += f". In the files also: {', '.join(left_out)}"
    members = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{member.name}",
            "name": f"{name}/{member.name}",
            "description": f"{member.name} of each of {field.name}",
            "dataType": croissant_type(member.type),
            "source": {**source, "transform": {"jsonPath": member.name}},
        }
        for member in plain
    ]
    return {**described, "repeated": True, "source": source, "subField": members}
