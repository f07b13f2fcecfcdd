"""A build whose dumps and tables are in an object store: an S3 server on loopback."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import MANIFEST
from spark_jobs.contract.table_schemas import NAMES
from spark_jobs.publishing.publication import Publication
from spark_jobs.publishing.shard_writer import ShardWriter, shard_name
from spark_jobs.stages.build_plan import plan_build
from spark_jobs.stages.build_stages import build

BUCKET = "corpora"
KEY = "key:secret"  # in the URI, because the workers of the session start before the server


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The query of a URI that selects the server."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    user, password = KEY.split(":")
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id=user,
        aws_secret_access_key=password,
    )
    client.create_bucket(Bucket=BUCKET)
    yield f"?scheme=http&endpoint_override={host}:{port}"
    server.stop()


def upload_files(folder: Path, prefix: str, store: str) -> str:
    uri = f"s3://{KEY}@{BUCKET}/{prefix}{store}"
    for file in folder.iterdir():
        (Location.of(uri) / file.name).write_bytes(file.read_bytes())
    return uri


def read_all_files(uri: str) -> dict[str, bytes]:
    location = Location.of(uri)
    return {name: (location / name).read_bytes() for name in location.files()}


def test_a_build_in_an_object_store_gives_the_bytes_of_a_local_build(
    spark, demo_settings: CorpusSettings, corpus: Path, store: str
) -> None:
    dumps = upload_files(Path(demo_settings.dumps_dir), "dumps", store)
    output = f"s3://{KEY}@{BUCKET}/built{store}"
    settings = demo_settings.model_copy(update={"dumps_dir": dumps, "output_dir": output, "wikis": ["eswiki"]})
    plan_build(settings)
    build(spark, settings)
    written = {name: data for name, data in read_all_files(output).items() if "=eswiki/" in name}
    local = {str(path.relative_to(corpus)): path for path in corpus.rglob("*") if path.is_file() and "wiki=eswiki" in str(path)}
    assert written.keys() == local.keys()
    assert {name for name in written if written[name] != local[name].read_bytes()} == set()

    second_build = build(spark, settings)
    assert all(stage["skipped"] for stage in second_build["stages"])


@pytest.fixture
def publication(store: str, request) -> Publication:
    return Publication(Location.of(f"s3://{KEY}@{BUCKET}/{request.node.name}{store}"), NAMES, {"wiki": "xwiki"}, [], {})


def write_shard(publication: Publication, rows: int):
    with ShardWriter(publication.attempts, shard_name(0), NAMES.schema, 10) as writer:
        writer.write_rows([{"title": str(i), "page_id": i, "names": []} for i in range(rows)])
    return writer.report


def test_a_new_publication_replaces_the_old_one_and_all_its_files(publication: Publication) -> None:
    for rows in (3, 5):
        publication.begin()
        report = write_shard(publication, rows)
        write_shard(publication, 7)  # an attempt that is not reported
        assert publication.publish([report], {}).rows == rows
        assert publication.folder.files() == [MANIFEST, shard_name(0)]
    current = publication.current()
    assert current is not None
    assert current.rows == 5


def test_an_interrupted_publication_is_not_current(publication: Publication) -> None:
    publication.begin()
    publication.publish([write_shard(publication, 3)], {})
    (publication.folder / MANIFEST).remove()  # the file that is removed first and written last
    assert publication.current() is None
    publication.begin()
    assert publication.publish([write_shard(publication, 4)], {}).rows == 4
