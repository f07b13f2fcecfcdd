"""The tables of a corpus, grouped from its manifests."""

from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests, schema_versions, wikis_of
from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard
from spark_jobs.contract.table_schemas import NAMES, encoded


def manifest(table: str, rows: int, version: str = "1.0", suffix: str = ".parquet", **partition: str) -> Manifest:
    shards = [Shard(path=f"part-00000{suffix}", rows=rows, bytes=10 * rows, sha256="ab")] if rows else []
    return Manifest(
        schema_version=version,
        table=table,
        partition=partition,
        rows=rows,
        bytes=10 * rows,
        row_hash="0" * 32,
        shards=shards,
        inputs=[],
        configuration={"tokenizer": {"id_type": "uint32"}} if table == "encoded" else {},
        code_version="x",
        counters={},
    )


MANIFESTS = {
    "encoded/tokenizer=x/pivot=en/wiki=jawiki": manifest("encoded", 4, tokenizer="x", pivot="en", wiki="jawiki"),
    "encoded/tokenizer=x/pivot=de/wiki=jawiki": manifest("encoded", 5, tokenizer="x", pivot="de", wiki="jawiki"),
    "names/wiki=jawiki": manifest("names", 2, "1.10", wiki="jawiki"),
    "names/wiki=eswiki": manifest("names", 3, "1.9", wiki="eswiki"),
    "sentences/wiki=frwiki": manifest("sentences", 9, wiki="frwiki"),
}


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"{tmp_path}/none does not exist: build a corpus first"):
        read_manifests(Location.of(str(tmp_path / "none")))


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names").mkdir()
    with pytest.raises(ConfigurationError, match=rf"{tmp_path} holds no published table \(no {MANIFEST} below it\)"):
        read_manifests(Location.of(str(tmp_path)))


def test_manifests_are_read_by_folder(tmp_path: Path) -> None:
    for folder, found in MANIFESTS.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / MANIFEST).write_text(found.model_dump_json(), encoding="utf-8")
    assert read_manifests(Location.of(str(tmp_path))) == MANIFESTS


def test_tables_have_the_order_of_the_contract_and_unknown_ones_are_left_out() -> None:
    tables = corpus_tables(MANIFESTS)
    assert [(table.name, table.folder, list(table.wikis), table.rows, table.bytes) for table in tables] == [
        ("names", "names", ["eswiki", "jawiki"], 5, 50),
        ("encoded-x-de", "encoded/tokenizer=x/pivot=de", ["jawiki"], 5, 50),
        ("encoded-x-en", "encoded/tokenizer=x/pivot=en", ["jawiki"], 4, 40),
    ]
    assert [table.table for table in tables] == [NAMES, encoded("uint32"), encoded("uint32")]
    assert corpus_tables({}) == []


def test_files_of_a_wiki_have_the_ending_of_its_table() -> None:
    lines = {"rendered/wiki=eswiki": manifest("rendered", 1, suffix=".jsonl.zst", wiki="eswiki")}
    empty = {"rendered/wiki=eswiki": manifest("rendered", 0, wiki="eswiki")}
    assert [table.files("eswiki") for manifests in (lines, empty) for table in corpus_tables(manifests)] == [
        "rendered/wiki=eswiki/*.jsonl.zst",
        "rendered/wiki=eswiki/*.parquet",
    ]


def test_wikis_and_versions_of_all_tables_are_sorted() -> None:
    tables = corpus_tables(MANIFESTS)
    assert wikis_of(tables) == ["eswiki", "jawiki"]
    assert schema_versions(tables) == ["1.0", "1.9", "1.10"]
    assert (wikis_of([]), schema_versions([])) == ([], [])
