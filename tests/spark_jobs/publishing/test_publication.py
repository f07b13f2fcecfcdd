"""Publishing a folder: all of it or nothing, and when a published folder is up to date."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import read_manifest
from spark_jobs.contract.table_schemas import NAMES
from spark_jobs.publishing import publication as publication_module
from spark_jobs.publishing.publication import Publication, PublishError
from spark_jobs.publishing.shard_writer import ShardReport, ShardWriter, shard_name

ROWS = [
    {"title": f"t{i}", "page_id": i, "names": [{"language": "en", "title": f"T{i}", "source": "langlink"}]} for i in range(25)
]


def write_shard(folder, rows, index=0):
    with ShardWriter(Location.of(str(folder)), shard_name(index), NAMES.schema, 10) as writer:
        writer.write_rows(list(rows))
    return writer.report


@pytest.fixture
def publication(tmp_path) -> Publication:
    inputs = [{"name": "dump", "bytes": 1, "sha256": "aa"}]
    return Publication(Location.of(str(tmp_path)), NAMES, {"wiki": "xwiki"}, inputs, {"pivots": ["en"]})


def publish_rows(publication: Publication, rows=ROWS):
    publication.begin()
    report = write_shard(publication.attempts.path, rows)
    return publication.publish([report], {"titles": len(rows)})


def test_a_published_folder_holds_its_shards_and_manifest_and_nothing_else(publication, tmp_path) -> None:
    publication.begin()
    write_shard(publication.attempts.path, ROWS[:3])  # an attempt that was not reported
    winner = write_shard(publication.attempts.path, ROWS)
    manifest = publication.publish([winner], {"titles": 25})
    folder = tmp_path / "names" / "wiki=xwiki"
    assert sorted(path.name for path in folder.iterdir()) == ["_manifest.json", "part-00000.parquet"]
    assert read_manifest(folder) == manifest
    assert manifest.rows == 25
    assert pa.Table.from_pylist(ROWS, NAMES.schema).equals(pq.read_table(folder / "part-00000.parquet"))
    assert not list((tmp_path / "_staging").glob("*"))


def test_nothing_is_visible_before_publishing_and_a_killed_run_leaves_no_trace(publication, tmp_path) -> None:
    publication.begin()
    write_shard(publication.attempts.path, ROWS)
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
    report = write_shard(publication.attempts.path, ROWS)
    with pytest.raises(PublishError, match="holds 25 rows, its task reported 24"):
        publication.publish([ShardReport(**{**vars(report), "rows": 24})], {})
    assert not (tmp_path / "names").exists()


def test_publishing_again_replaces_all_of_the_old_folder(publication, tmp_path) -> None:
    publish_rows(publication)
    publication.begin()
    reports = [write_shard(publication.attempts.path, ROWS[:5], index) for index in (0, 1)]
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
        monkeypatch.setattr(publication_module, "code_version", lambda: "other")
    elif change == "missing file":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:-1])
    assert publication.current() is None
