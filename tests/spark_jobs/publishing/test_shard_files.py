import doctest
import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import spark_jobs.contract.table_schemas
from spark_jobs.common.storage import Location
from spark_jobs.contract.row_hash import add_hashes
from spark_jobs.contract.table_schemas import NAMES, check_schema_version, read_manifest
from spark_jobs.publishing import publication as publish
from spark_jobs.publishing import shard_files as shards
from spark_jobs.publishing.publication import Publication, PublishError
from spark_jobs.publishing.shard_files import ShardWriter, shard_name

ROWS = [
    {"title": f"t{i}", "page_id": i, "names": [{"language": "en", "title": f"T{i}", "source": "langlink"}]} for i in range(25)
]


def write(folder, rows, index=0, group=10):
    location = Location.of(str(folder))
    with ShardWriter(location, shard_name(index), NAMES.schema, group) as writer:
        writer.write_rows(list(rows))
    return writer.report


def test_the_worked_example_of_the_contract_holds() -> None:
    assert doctest.testmod(spark_jobs.contract.table_schemas).failed == 0


def test_a_report_says_what_the_file_holds(tmp_path) -> None:
    report = write(tmp_path, ROWS)
    data = (tmp_path / report.attempt).read_bytes()
    assert (report.rows, report.bytes, report.sha256) == (25, len(data), hashlib.sha256(data).hexdigest())
    parquet = pq.ParquetFile(tmp_path / report.attempt)
    assert parquet.read().to_pylist() == ROWS
    assert [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)] == [10, 10, 5]
    assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"


def test_files_carry_the_schema_version_and_the_meaning_of_every_column(tmp_path) -> None:
    metadata = pq.read_metadata(tmp_path / write(tmp_path, ROWS).attempt).metadata
    assert metadata[b"leia.schema_version"] == b"1.0"
    assert metadata[b"leia.table"] == b"names"
    assert json.loads(metadata[b"leia.columns"]).keys() == set(NAMES.schema.names)


def test_the_same_rows_give_the_same_bytes_under_different_attempt_names(tmp_path) -> None:
    first, second = write(tmp_path, ROWS), write(tmp_path, ROWS)
    assert first.attempt != second.attempt
    assert (tmp_path / first.attempt).read_bytes() == (tmp_path / second.attempt).read_bytes()


@pytest.mark.parametrize("sizes", [[25], [1] * 25, [7, 7, 7, 4], [10, 10, 5], [0, 24, 1]])
def test_the_batches_in_which_rows_arrive_do_not_show_in_the_file(tmp_path, sizes) -> None:
    whole = write(tmp_path, ROWS)
    table = pa.Table.from_pylist(ROWS)  # nullable fields, as Spark gives them
    with ShardWriter(Location.of(str(tmp_path)), shard_name(0), NAMES.schema, 10) as writer:
        start = 0
        for size in sizes:
            writer.write(table.slice(start, size))
            start += size
    assert (writer.report.sha256, writer.report.row_hash, writer.report.rows) == (whole.sha256, whole.row_hash, 25)


def test_the_hash_of_rows_does_not_depend_on_order_or_split(tmp_path) -> None:
    whole = write(tmp_path, ROWS).row_hash
    parts = [write(tmp_path, ROWS[20:]).row_hash, write(tmp_path, reversed(ROWS[:20]), group=3).row_hash]
    assert add_hashes(parts) == add_hashes([whole])
    assert add_hashes([whole]) != add_hashes([write(tmp_path, ROWS[:-1]).row_hash])


@pytest.fixture
def publication(tmp_path) -> Publication:
    inputs = [{"name": "dump", "bytes": 1, "sha256": "aa"}]
    return Publication(Location.of(str(tmp_path)), NAMES, {"wiki": "xwiki"}, inputs, {"pivots": ["en"]})


def publish_rows(publication: Publication, rows=ROWS):
    publication.begin()
    report = write(publication.attempts.path, rows)
    return publication.publish([report], {"titles": len(rows)})


def test_a_published_folder_holds_its_shards_and_manifest_and_nothing_else(publication, tmp_path) -> None:
    publication.begin()
    write(publication.attempts.path, ROWS[:3])  # an attempt that was not reported
    winner = write(publication.attempts.path, ROWS)
    manifest = publication.publish([winner], {"titles": 25})
    folder = tmp_path / "names" / "wiki=xwiki"
    assert sorted(path.name for path in folder.iterdir()) == ["_manifest.json", "part-00000.parquet"]
    assert read_manifest(folder) == manifest
    assert manifest.rows == 25
    assert pa.Table.from_pylist(ROWS, NAMES.schema).equals(pq.read_table(folder / "part-00000.parquet"))
    assert not list((tmp_path / "_staging").glob("*"))


def test_nothing_is_visible_before_publishing_and_a_killed_run_leaves_no_trace(publication, tmp_path) -> None:
    publication.begin()
    write(publication.attempts.path, ROWS)
    assert not (tmp_path / "names").exists()
    assert publication.current() is None
    publish_rows(publication)
    assert publication.current() is not None


def test_a_replacement_that_was_killed_half_way_is_undone(publication, tmp_path) -> None:
    publish_rows(publication)
    (tmp_path / "_staging" / "names-xwiki").mkdir(parents=True)
    (tmp_path / "names" / "wiki=xwiki").rename(tmp_path / "_staging" / "names-xwiki" / "replaced")
    assert publication.current() is not None
    assert read_manifest(tmp_path / "names" / "wiki=xwiki").rows == 25


def test_a_report_that_disagrees_with_its_file_is_not_published(publication, tmp_path) -> None:
    publication.begin()
    report = write(publication.attempts.path, ROWS)
    with pytest.raises(PublishError, match="holds 25 rows, its task reported 24"):
        publication.publish([shards.ShardReport(**{**vars(report), "rows": 24})], {})
    assert not (tmp_path / "names").exists()


def test_publishing_again_replaces_all_of_the_old_folder(publication, tmp_path) -> None:
    publish_rows(publication)
    publication.begin()
    reports = [write(publication.attempts.path, ROWS[:5], index) for index in (0, 1)]
    assert publication.publish(reports, {}).rows == 10
    assert len(list((tmp_path / "names" / "wiki=xwiki").glob("*.parquet"))) == 2


@pytest.mark.parametrize("change", ["inputs", "configuration", "code", "missing file", "truncated file"])
def test_a_folder_is_out_of_date_when_anything_that_made_it_has_changed(publication, tmp_path, monkeypatch, change: str) -> None:
    publish_rows(publication)
    shard = tmp_path / "names" / "wiki=xwiki" / "part-00000.parquet"
    if change == "inputs":
        publication.inputs[0]["sha256"] = "bb"
    elif change == "configuration":
        publication.configuration["pivots"] = ["fr"]
    elif change == "code":
        monkeypatch.setattr(publish, "code_version", lambda: "other")
    elif change == "missing file":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:-1])
    assert publication.current() is None


def test_a_manifest_of_another_major_version_is_refused(publication, tmp_path) -> None:
    publish_rows(publication)
    path = tmp_path / "names" / "wiki=xwiki" / "_manifest.json"
    path.write_text(path.read_text().replace('"schema_version": "1.0"', '"schema_version": "2.0"'))
    with pytest.raises(ValueError, match=r"has schema version '2\.0'; this code reads 1\.x"):
        read_manifest(path.parent)
    check_schema_version("1.9", "a later minor version")
    with pytest.raises(FileNotFoundError, match="nothing was published"):
        read_manifest(tmp_path)
